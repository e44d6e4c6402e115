"""How far the heat maps of a model can be believed: against lesion masks, and against shuffled weights."""
