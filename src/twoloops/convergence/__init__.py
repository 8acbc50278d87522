"""Where the two loops meet: recipes · judging · turns · trials · replays."""
