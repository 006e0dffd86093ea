WHEN(a, THEN(b, c).id("stock"), sub).must("stok", d, "sub").percentage(1.5).maxWaitSeconds(0)
