"""The commands of `lookstream`, one file each, imported only when they are called."""
