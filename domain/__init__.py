"""Pure values and rules of disaster recovery: no I/O, no clock, no Azure."""
