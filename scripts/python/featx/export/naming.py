"""What the user typed to come here, for messages that name it."""

COMMAND = "featx-export"
