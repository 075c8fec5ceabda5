-- What a submission did to its readers. The twin stands in ../postgres.

-- How often reading or settling it failed, or ended the process that read it; attempts counts claims, whoever ended them.
ALTER TABLE submissions ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
