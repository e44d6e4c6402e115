"""The console command `breast-imaging`."""
