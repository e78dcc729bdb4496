"""Where atomic tasks leave what they did: an app with one table that forbids nothing."""
