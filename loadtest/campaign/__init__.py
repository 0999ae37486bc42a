"""What `loadtest/run` and `loadtest/report` are made of: servers and roles as processes, what is read of them, and the pages made of it."""
