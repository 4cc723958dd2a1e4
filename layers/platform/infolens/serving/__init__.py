"""What happens between a request and its answer: the loaded model, the checked input, the problem document."""
