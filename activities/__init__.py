"""One small class per collaborator, its port declared beside it; each activity does one remote thing."""
