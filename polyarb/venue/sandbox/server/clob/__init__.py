"""The CLOB's REST service: books, markets, orders, accounts."""
