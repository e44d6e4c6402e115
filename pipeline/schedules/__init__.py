"""Retraining at set times on one machine: by a timer of systemd or an entry in a crontab."""
