if (true) { THEN(a) } else { THEN(b) }
