THEN(CATCH(THEN(book, pay)), WHEN(book, look).ignoreError(true))
