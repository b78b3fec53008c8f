/** Door of @millrace/schema-registry: what users import. */
export {}
