"""What a frozen backbone makes of each image: computed once, and read by every training of a head."""
