/** Door of @millrace/streams: what users import. */
export {}
