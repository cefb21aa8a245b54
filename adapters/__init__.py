"""The only code that imports Azure's SDK clients, reads files and touches the network."""
