"""Every schema the store ever had, in order."""
