-- What turns a text column's leaves back into its texts; docs/format/segment.md explains it. $$ marks what the reader of a file fills in.

-- An integer hole: a run of digits without leading zeros is its value, "007" is -1007.
CREATE OR REPLACE MACRO clew_int(v) AS CASE WHEN v >= 0 THEN v::VARCHAR ELSE substr((-v)::VARCHAR, 2) END;

-- A template with its variables put in. parts are what stands between the holes (the characters 1 to 4), one more than holes.
CREATE OR REPLACE MACRO clew_fill(parts, vars) AS
  array_to_string(list_transform(range(1, len(parts) + 1), lambda i: parts[i] || coalesce(vars[i], '')), '');
CREATE OR REPLACE MACRO clew_text(template, vars) AS
  CASE WHEN template IS NULL THEN NULL
       ELSE clew_fill(string_split_regex(template, '[\x01-\x04]'), vars) END;

-- For a text column called body. The list has an element for each hole position that has a leaf, in order: coalesce of both where both
-- body.i<k> and body.s<k> are in the file, one of them where only one is.
CREATE OR REPLACE VIEW logs AS
  SELECT * EXCLUDE ($$leaves$$), clew_text("body.template", [$$vars$$]) AS body
  FROM read_parquet('$$file$$');
