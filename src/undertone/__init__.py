"""undertone: who felt what, when, in recorded conversations."""
