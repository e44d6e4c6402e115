"""What goes with every published model: a card of the model and one of the data, for people and for programs."""
