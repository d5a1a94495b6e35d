"""What the import-compatible packages share. Private: nothing here is anybody else's to import."""
