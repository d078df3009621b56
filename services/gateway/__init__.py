"""The HTTP front end of the jobs service: uploads, live events, results."""
