"""What `make run` shows: a few people, workflows and paused threads."""
