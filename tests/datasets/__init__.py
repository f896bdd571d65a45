"""From a user's files to examples, with nothing leaking between the splits."""
