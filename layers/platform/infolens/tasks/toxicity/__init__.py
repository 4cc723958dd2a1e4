"""S1's content moderation: is a raw comment toxic or not."""
