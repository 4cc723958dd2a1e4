"""S2's and S3's recommendations: the next movies for a user, from the sequence of those that were rated."""
