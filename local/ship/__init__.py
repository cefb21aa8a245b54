"""What goes to Azure: the zip, proved before it leaves."""
