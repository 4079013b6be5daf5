"""Speech recognisers whose blocks and phone posteriors emotion is read from."""
