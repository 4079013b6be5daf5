"""From text to the sounds of speech: phones, spoken words, dictionaries of pronunciation, letters to sounds."""
