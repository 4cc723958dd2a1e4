"""fake_news: say in one sentence what it answers."""
