"""How an exported model is loaded, checked and asked."""
