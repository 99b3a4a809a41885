"""From a frame to a prediction and to a picture of it."""
