"""`doit view`: what is watched, served and told."""
