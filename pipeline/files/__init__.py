"""Files that people name: read with bounds, written whole, never by mistake."""
