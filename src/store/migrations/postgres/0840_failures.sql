-- What a submission did to its readers. The twin stands in ../sqlite.

-- How often reading or settling it failed, or ended the process that read it; attempts counts claims, whoever ended them.
ALTER TABLE submissions ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
