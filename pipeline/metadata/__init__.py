"""ML Metadata of runs on this machine: in a file of the output folder, or on a server that several share."""
