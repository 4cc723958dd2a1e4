"""movie_recommendation: say in one sentence what it answers."""
