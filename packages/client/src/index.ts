/** Door of @millrace/client: what users import. */
export {}
