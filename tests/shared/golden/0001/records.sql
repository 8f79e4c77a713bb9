BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE audit (
	id VARCHAR(40) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	at BIGINT NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	resource_id VARCHAR(40) NOT NULL, 
	request_id VARCHAR(64), 
	detail JSON, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE TABLE catalog_crawls (
	name VARCHAR(255) NOT NULL, 
	"database" VARCHAR(255) NOT NULL, 
	location TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	started_at BIGINT NOT NULL, 
	finished_at BIGINT, 
	tables JSON, 
	error TEXT, 
	CONSTRAINT pk_catalog_crawls PRIMARY KEY (name)
);
CREATE TABLE catalog_databases (
	name VARCHAR(255) NOT NULL, 
	description TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_catalog_databases PRIMARY KEY (name)
);
INSERT INTO "catalog_databases" VALUES('headwater','Datasets published by Headwater',1795380637822997);
INSERT INTO "catalog_databases" VALUES('headwater_staging','What crawls propose, before it is checked',1795380637827060);
CREATE TABLE catalog_tables (
	"database" VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version VARCHAR(40) NOT NULL, 
	columns JSON NOT NULL, 
	partition_keys JSON NOT NULL, 
	location TEXT NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	parameters JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_catalog_tables PRIMARY KEY ("database", name), 
	CONSTRAINT fk_catalog_tables_database FOREIGN KEY("database") REFERENCES catalog_databases (name) ON DELETE CASCADE
);
INSERT INTO "catalog_tables" VALUES('headwater','orders','tbv_01m82gdserfatbtbnd1xyz36c8','[{"name": "k", "type": "bigint", "comment": "k"}, {"name": "v", "type": "string", "comment": "v"}]','[]','ws/default/tables/dst_01m82gdnm8fz3t1azbhjddygz8/v2-a1-1f7jhkkt/orders/','parquet','{"classification": "parquet", "headwater.dataset_id": "dst_01m82gdnm8fz3t1azbhjddygz8", "headwater.version": "2"}',1795380666492860,1795380667864834);
CREATE TABLE dataset_versions (
	dataset_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	job_id VARCHAR(40) NOT NULL, 
	created_at BIGINT NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	restored_from INTEGER, 
	prefix TEXT NOT NULL, 
	columns JSON NOT NULL, 
	files INTEGER NOT NULL, 
	rows BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	column_bytes JSON NOT NULL, 
	statistics JSON NOT NULL, 
	upload_id VARCHAR(40), 
	profile_id VARCHAR(40), 
	source JSON NOT NULL, 
	receipt JSON NOT NULL, 
	rejects_key TEXT, 
	crawl JSON NOT NULL, 
	replaced_at BIGINT, 
	freed_at BIGINT, 
	CONSTRAINT pk_dataset_versions PRIMARY KEY (dataset_id, version), 
	CONSTRAINT fk_dataset_versions_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
INSERT INTO "dataset_versions" VALUES('dst_01m82gdnm8fz3t1azbhjddygz8',1,'job_01m82gdnn6exva6188bb2ek7bw',1795380666514092,'create',NULL,'ws/default/tables/dst_01m82gdnm8fz3t1azbhjddygz8/v1-a1-bb2ek7bw/orders/','[{"name": "k", "type": "bigint", "source_name": "k", "comment": ""}, {"name": "v", "type": "string", "source_name": "v", "comment": ""}]',1,100,708,'{"k": 255, "v": 175}','[{"nulls": 0, "low": 0, "high": 99, "total": 4950, "magnitude": 0.0, "longest": 0, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}, {"nulls": 0, "low": "text 0", "high": "text 99", "total": 690, "magnitude": 0.0, "longest": 7, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}]','upl_01m82gdk8bef4b4k84meh9n747','prf_01m82gdmwqem9r4km9vch2cp16','{"filename": "orders.csv", "sha256": "407e5487b94ff24f6c6b90cd35e561078fb92b8ca29d68ec19b0893646049660", "upload_id": "upl_01m82gdk8bef4b4k84meh9n747", "profile_id": "prf_01m82gdmwqem9r4km9vch2cp16"}','{"version": 1, "records_in": 101, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "published_rows": 100, "rows_before": 0, "catalog_rows": 100, "balanced": true, "columns": [{"name": "k", "type": "bigint", "catalog_type": "bigint", "nulls_in": 0, "min_in": "0", "max_in": "99", "sum_in": "4950", "nulls_out": 0, "min_out": "0", "max_out": "99", "sum_out": "4950", "normalised": 0, "equal": true}, {"name": "v", "type": "string", "catalog_type": "string", "nulls_in": 0, "min_in": "text 0", "max_in": "text 99", "sum_in": "690", "nulls_out": 0, "min_out": "text 0", "max_out": "text 99", "sum_out": "690", "normalised": 0, "equal": true}], "crawler_diff": [], "bytes_scanned": 1138, "checked_at": "2026-11-22T20:51:06.439Z"}','ws/default/publishes/job_01m82gdnn6exva6188bb2ek7bw/a1/','{"name": "dst_01m82gdnm8fz3t1azbhjddygz8_v1_a1_bb2ek7bw", "state": "ready", "last_crawl": "2026-11-22T20:51:04.922Z"}',1795380667902435,NULL);
INSERT INTO "dataset_versions" VALUES('dst_01m82gdnm8fz3t1azbhjddygz8',2,'job_01m82gdr9fetb9yjek1f7jhkkt',1795380667902435,'replace',NULL,'ws/default/tables/dst_01m82gdnm8fz3t1azbhjddygz8/v2-a1-1f7jhkkt/orders/','[{"name": "k", "type": "bigint", "source_name": "k", "comment": ""}, {"name": "v", "type": "string", "source_name": "v", "comment": ""}]',1,150,829,'{"k": 326, "v": 225}','[{"nulls": 0, "low": 0, "high": 149, "total": 11175, "magnitude": 0.0, "longest": 0, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}, {"nulls": 0, "low": "text 0", "high": "text 99", "total": 1090, "magnitude": 0.0, "longest": 8, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}]','upl_01m82gdkpse2xa0es4wvhchp5v','prf_01m82gdngaebwtdvw5ktejcyxz','{"filename": "orders-2.csv", "sha256": "ba07b244d95d9d3b83636b33aa47e688220c389945de5e3bf5134a19c75e6bd6", "upload_id": "upl_01m82gdkpse2xa0es4wvhchp5v", "profile_id": "prf_01m82gdngaebwtdvw5ktejcyxz"}','{"version": 2, "records_in": 151, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "published_rows": 150, "rows_before": 0, "catalog_rows": 150, "balanced": true, "columns": [{"name": "k", "type": "bigint", "catalog_type": "bigint", "nulls_in": 0, "min_in": "0", "max_in": "149", "sum_in": "11175", "nulls_out": 0, "min_out": "0", "max_out": "149", "sum_out": "11175", "normalised": 0, "equal": true}, {"name": "v", "type": "string", "catalog_type": "string", "nulls_in": 0, "min_in": "text 0", "max_in": "text 99", "sum_in": "1090", "nulls_out": 0, "min_out": "text 0", "max_out": "text 99", "sum_out": "1090", "normalised": 0, "equal": true}], "crawler_diff": [], "bytes_scanned": 1380, "checked_at": "2026-11-22T20:51:07.805Z"}','ws/default/publishes/job_01m82gdr9fetb9yjek1f7jhkkt/a1/','{"name": "dst_01m82gdnm8fz3t1azbhjddygz8_v2_a1_1f7jhkkt", "state": "ready", "last_crawl": "2026-11-22T20:51:07.062Z"}',NULL,NULL);
CREATE TABLE datasets (
	id VARCHAR(40) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	created_at BIGINT NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	live_name VARCHAR(130), 
	"database" VARCHAR(255) NOT NULL, 
	description TEXT NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	version INTEGER, 
	busy_job_id VARCHAR(40), 
	last_job_id VARCHAR(40), 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_datasets PRIMARY KEY (id), 
	CONSTRAINT uq_datasets_live_name UNIQUE (live_name)
);
INSERT INTO "datasets" VALUES('dst_01m82gdnm8fz3t1azbhjddygz8','default','local',1795380663944649,'orders','default/orders','headwater','','parquet','ready',2,NULL,'job_01m82gdr9fetb9yjek1f7jhkkt',1795380667905207);
INSERT INTO "datasets" VALUES('dst_01m82gdw4ffbp9h68d6pxxy87x','default','local',1795380670607108,'large','default/large','headwater','','parquet','creating',NULL,'job_01m82gdw4gfz4rm7zatxyvz17k','job_01m82gdw4gfz4rm7zatxyvz17k',1795380670608295);
INSERT INTO "datasets" VALUES('dst_01m82gdwhhepsrd10w28vq94pv','default','local',1795380671025298,'later','default/later','headwater','','parquet','creating',NULL,'job_01m82gdwhxfnptbsbmbk2zby00','job_01m82gdwhxfnptbsbmbk2zby00',1795380671037603);
CREATE TABLE idempotency_keys (
	workspace VARCHAR(63) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	resource_id VARCHAR(40), 
	answer JSON, 
	CONSTRAINT pk_idempotency_keys PRIMARY KEY (workspace, "key")
);
CREATE TABLE jobs (
	id VARCHAR(40) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	created_at BIGINT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	phase VARCHAR(40), 
	resource_type VARCHAR(16) NOT NULL, 
	resource_id VARCHAR(40) NOT NULL, 
	params JSON NOT NULL, 
	request_id VARCHAR(64), 
	attempt INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	lease_until BIGINT, 
	checkpoint JSON, 
	progress JSON, 
	waits_on VARCHAR(40), 
	waits_for_bytes BIGINT, 
	not_before BIGINT, 
	result JSON, 
	error JSON, 
	queued_at BIGINT NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT, 
	heartbeat_at BIGINT, 
	cancel_requested_at BIGINT, 
	CONSTRAINT pk_jobs PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('job_01m82gdkggfpzry47n865xy4hm','default','local',1795380661776218,'profile','succeeded','finishing','upload','upl_01m82gdk8bef4b4k84meh9n747','{}','req_01m82gdk76fngahj16ks35pgks',1,0,NULL,'{"preview_key": "ws/default/previews/job_01m82gdkggfpzry47n865xy4hm.json"}','{"bytes_total": 1084, "bytes_done": 1084, "bytes_per_second": 2490, "percent": 100.0, "eta_seconds": 0, "records_done": 100}',NULL,NULL,NULL,'{"profile_id": "prf_01m82gdmwqem9r4km9vch2cp16"}',NULL,1795380661776218,1795380662538515,1795380663257657,1795380663038561,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdktmek9vpfezctqthakk','default','local',1795380662100875,'profile','succeeded','finishing','upload','upl_01m82gdkpse2xa0es4wvhchp5v','{}','req_01m82gdkmyf69aq15xahsh7h1z',1,0,NULL,'{"preview_key": "ws/default/previews/job_01m82gdktmek9vpfezctqthakk.json"}','{"bytes_total": 1734, "bytes_done": 1734, "bytes_per_second": 7955, "percent": 100.0, "eta_seconds": 0, "records_done": 150}',NULL,NULL,NULL,'{"profile_id": "prf_01m82gdngaebwtdvw5ktejcyxz"}',NULL,1795380662100875,1795380663534817,1795380663864819,1795380663694603,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdnn6exva6188bb2ek7bw','default','local',1795380663975879,'publish','succeeded','flipping','dataset','dst_01m82gdnm8fz3t1azbhjddygz8','{"dataset_id": "dst_01m82gdnm8fz3t1azbhjddygz8", "name": "orders", "database": "headwater", "mode": "create", "version": 1, "expected_version": null, "upload_id": "upl_01m82gdk8bef4b4k84meh9n747", "profile_id": "prf_01m82gdmwqem9r4km9vch2cp16", "format": "parquet", "columns": [{"source_name": "k", "position": 0, "name": "k", "type": "bigint", "comment": "", "format": null, "include": true}, {"source_name": "v", "position": 1, "name": "v", "type": "string", "comment": "", "format": null, "include": true}], "on_reject": "quarantine", "on_missing_column": "fail", "max_reject_ratio": 0.05, "restore": null, "description": null}','req_01m82gdnkne11rk5nc9dn94mrb',2,0,NULL,'{"columns": [{"name": "k", "type": "bigint", "source_name": "k", "comment": ""}, {"name": "v", "type": "string", "source_name": "v", "comment": ""}], "normalised": [0, 0], "counts": {"records": 100, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0}, "filename": "orders.csv", "sha256": "407e5487b94ff24f6c6b90cd35e561078fb92b8ca29d68ec19b0893646049660", "converted": {"reading": {"offset": 1084, "line": 102, "source_names": ["k", "v"], "names": ["k", "v"], "skipping": "", "counts": {"records": 100, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0}}, "files": [{"key": "ws/default/work/job_01m82gdnn6exva6188bb2ek7bw/a1/part-00000.parquet", "rows": 100, "bytes": 708}], "statistics": [{"nulls": 0, "low": 0, "high": 99, "total": 4950, "magnitude": 0.0, "longest": 0, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}, {"nulls": 0, "low": "text 0", "high": "text 99", "total": 690, "magnitude": 0.0, "longest": 7, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}], "column_bytes": [255, 175], "rejects": [], "unfit": 0, "done": true}, "staged": {"folder": "v1-a1-bb2ek7bw", "prefix": "ws/default/tables/dst_01m82gdnm8fz3t1azbhjddygz8/v1-a1-bb2ek7bw/orders/", "rejects_prefix": "ws/default/publishes/job_01m82gdnn6exva6188bb2ek7bw/a1/", "files": 1, "bytes": 708}, "differences": [], "crawled_at": "2026-11-22T20:51:04.922Z", "queries": ["qry_01m82gdpmwe18sde8dp6dre5ww"], "receipt": {"version": 1, "records_in": 101, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "published_rows": 100, "rows_before": 0, "catalog_rows": 100, "balanced": true, "columns": [{"name": "k", "type": "bigint", "catalog_type": "bigint", "nulls_in": 0, "min_in": "0", "max_in": "99", "sum_in": "4950", "nulls_out": 0, "min_out": "0", "max_out": "99", "sum_out": "4950", "normalised": 0, "equal": true}, {"name": "v", "type": "string", "catalog_type": "string", "nulls_in": 0, "min_in": "text 0", "max_in": "text 99", "sum_in": "690", "nulls_out": 0, "min_out": "text 0", "max_out": "text 99", "sum_out": "690", "normalised": 0, "equal": true}], "crawler_diff": [], "bytes_scanned": 1138, "checked_at": "2026-11-22T20:51:06.439Z"}}','{"bytes_total": 1084, "records_done": 100, "bytes_done": 1084, "bytes_per_second": 0, "percent": 100.0, "eta_seconds": 0}',NULL,NULL,NULL,'{"dataset_id": "dst_01m82gdnm8fz3t1azbhjddygz8", "name": "orders", "version": 1, "published_rows": 100, "rejected_records": 0}',NULL,1795380663975879,1795380664300145,1795380666556958,1795380666439633,NULL);
INSERT INTO "jobs" VALUES('qry_01m82gdpmwe18sde8dp6dre5ww','default','local',1795380665011335,'query','succeeded','running','query','qry_01m82gdpmwe18sde8dp6dre5ww','{}','req_01m82gdnkne11rk5nc9dn94mrb',1,0,NULL,NULL,'{"records_done": 1}',NULL,NULL,NULL,'{"rows": 1, "bytes": 99}',NULL,1795380665011335,1795380665385144,1795380666134838,1795380665385144,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdr9fetb9yjek1f7jhkkt','default','local',1795380666671901,'publish','succeeded','flipping','dataset','dst_01m82gdnm8fz3t1azbhjddygz8','{"dataset_id": "dst_01m82gdnm8fz3t1azbhjddygz8", "name": "orders", "database": "headwater", "mode": "replace", "version": 2, "expected_version": 1, "upload_id": "upl_01m82gdkpse2xa0es4wvhchp5v", "profile_id": "prf_01m82gdngaebwtdvw5ktejcyxz", "format": "parquet", "columns": [{"source_name": "k", "position": 0, "name": "k", "type": "bigint", "comment": "", "format": null, "include": true}, {"source_name": "v", "position": 1, "name": "v", "type": "string", "comment": "", "format": null, "include": true}], "on_reject": "quarantine", "on_missing_column": "fail", "max_reject_ratio": 0.05, "restore": null, "description": null}','req_01m82gdr92fb9tebgs2yxf2vdm',2,0,NULL,'{"columns": [{"name": "k", "type": "bigint", "source_name": "k", "comment": ""}, {"name": "v", "type": "string", "source_name": "v", "comment": ""}], "normalised": [0, 0], "counts": {"records": 150, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0}, "filename": "orders-2.csv", "sha256": "ba07b244d95d9d3b83636b33aa47e688220c389945de5e3bf5134a19c75e6bd6", "converted": {"reading": {"offset": 1734, "line": 152, "source_names": ["k", "v"], "names": ["k", "v"], "skipping": "", "counts": {"records": 150, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0}}, "files": [{"key": "ws/default/work/job_01m82gdr9fetb9yjek1f7jhkkt/a1/part-00000.parquet", "rows": 150, "bytes": 829}], "statistics": [{"nulls": 0, "low": 0, "high": 149, "total": 11175, "magnitude": 0.0, "longest": 0, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}, {"nulls": 0, "low": "text 0", "high": "text 99", "total": 1090, "magnitude": 0.0, "longest": 8, "overflow": false, "nan": 0, "infinite": 0, "minus_infinite": 0}], "column_bytes": [326, 225], "rejects": [], "unfit": 0, "done": true}, "staged": {"folder": "v2-a1-1f7jhkkt", "prefix": "ws/default/tables/dst_01m82gdnm8fz3t1azbhjddygz8/v2-a1-1f7jhkkt/orders/", "rejects_prefix": "ws/default/publishes/job_01m82gdr9fetb9yjek1f7jhkkt/a1/", "files": 1, "bytes": 829}, "differences": [], "crawled_at": "2026-11-22T20:51:07.062Z", "queries": ["qry_01m82gdrqkfn6br8nspfsxvyjy"], "receipt": {"version": 2, "records_in": 151, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "published_rows": 150, "rows_before": 0, "catalog_rows": 150, "balanced": true, "columns": [{"name": "k", "type": "bigint", "catalog_type": "bigint", "nulls_in": 0, "min_in": "0", "max_in": "149", "sum_in": "11175", "nulls_out": 0, "min_out": "0", "max_out": "149", "sum_out": "11175", "normalised": 0, "equal": true}, {"name": "v", "type": "string", "catalog_type": "string", "nulls_in": 0, "min_in": "text 0", "max_in": "text 99", "sum_in": "1090", "nulls_out": 0, "min_out": "text 0", "max_out": "text 99", "sum_out": "1090", "normalised": 0, "equal": true}], "crawler_diff": [], "bytes_scanned": 1380, "checked_at": "2026-11-22T20:51:07.805Z"}}','{"bytes_total": 1734, "records_done": 150, "bytes_done": 1734, "bytes_per_second": 0, "percent": 100.0, "eta_seconds": 0}',NULL,NULL,NULL,'{"dataset_id": "dst_01m82gdnm8fz3t1azbhjddygz8", "name": "orders", "version": 2, "published_rows": 150, "rejected_records": 0}',NULL,1795380666671901,1795380666724484,1795380667904449,1795380667805773,NULL);
INSERT INTO "jobs" VALUES('qry_01m82gdrqkfn6br8nspfsxvyjy','default','local',1795380667148302,'query','succeeded','running','query','qry_01m82gdrqkfn6br8nspfsxvyjy','{}','req_01m82gdr92fb9tebgs2yxf2vdm',1,0,NULL,NULL,'{"records_done": 1}',NULL,NULL,NULL,'{"rows": 1, "bytes": 102}',NULL,1795380667148302,1795380667217286,1795380667619572,1795380667217286,NULL);
INSERT INTO "jobs" VALUES('qry_01m82gdsm2emmbezcpqy70sm3g','default','local',1795380668034935,'query','succeeded','running','query','qry_01m82gdsm2emmbezcpqy70sm3g','{"parameters": []}','req_01m82gdsjmep3atrxwgeahxn62',1,0,NULL,NULL,'{"records_done": 3}',NULL,NULL,NULL,'{"rows": 3, "bytes": 47}',NULL,1795380668034935,1795380668158955,1795380668606378,1795380668158955,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdt9dewn92009581tmgk3','default','local',1795380668717036,'profile','failed','previewing','upload','upl_01m82gdt79fyvayptcv6bnajqr','{}','req_01m82gdt78e7ms2mvavtkfc74p',1,0,NULL,NULL,'{"bytes_total": 8, "bytes_done": 0, "bytes_per_second": 0, "percent": 0.0, "eta_seconds": null}',NULL,NULL,NULL,NULL,'{"type": "/docs/problems#binary_file", "title": "The file is not text", "status": 415, "detail": "The file is a PNG image, not text.", "instance": "/v1/jobs/job_01m82gdt9dewn92009581tmgk3", "code": "binary_file"}',1795380668717036,1795380668787347,1795380668855209,1795380668787347,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdthhfyvr5j37hz1ps43q','default','local',1795380668977037,'profile','queued','waiting_for_bytes','upload','upl_01m82gdtg5f18br474gqew88bc','{}','req_01m82gdtgdf8hrjcy2npw9jq0r',1,0,NULL,'{"preview_key": "ws/default/previews/job_01m82gdthhfyvr5j37hz1ps43q.json", "state_key": "ws/default/work/job_01m82gdthhfyvr5j37hz1ps43q/a1/state-000001", "rejects": []}','{"bytes_total": 560004, "bytes_done": 299996, "bytes_per_second": 1711008, "percent": 53.57, "eta_seconds": 0.2, "records_done": 21428}','upl_01m82gdtg5f18br474gqew88bc',33854432,NULL,NULL,NULL,1795380668977037,1795380668995420,NULL,1795380669230840,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdty9e2qa11r1bmbxexq7','default','local',1795380669385464,'profile','succeeded','finishing','upload','upl_01m82gdtwxfg1rhx6hxxjyaje4','{}','req_01m82gdtwwf1qt7q2akr5jejqr',1,0,NULL,'{"preview_key": "ws/default/previews/job_01m82gdty9e2qa11r1bmbxexq7.json"}','{"bytes_total": 12300004, "bytes_done": 12300004, "bytes_per_second": 12927177, "percent": 100.0, "eta_seconds": 0, "records_done": 300000}',NULL,NULL,NULL,'{"profile_id": "prf_01m82gdw0yejrv3yp75d172z8c"}',NULL,1795380669385464,1795380669493593,1795380670514960,1795380669785139,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdw4gfz4rm7zatxyvz17k','default','local',1795380670608485,'publish','running','waiting','dataset','dst_01m82gdw4ffbp9h68d6pxxy87x','{"dataset_id": "dst_01m82gdw4ffbp9h68d6pxxy87x", "name": "large", "database": "headwater", "mode": "create", "version": 1, "expected_version": null, "upload_id": "upl_01m82gdtwxfg1rhx6hxxjyaje4", "profile_id": "prf_01m82gdw0yejrv3yp75d172z8c", "format": "parquet", "columns": [{"source_name": "k", "position": 0, "name": "k", "type": "bigint", "comment": "", "format": null, "include": true}, {"source_name": "v", "position": 1, "name": "v", "type": "string", "comment": "", "format": null, "include": true}], "on_reject": "quarantine", "on_missing_column": "fail", "max_reject_ratio": 0.05, "restore": null, "description": null}','req_01m82gdw3wej388mq1gqaf2e2g',1,0,1795380673640982,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795380670608485,1795380670640982,NULL,1795380670640982,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdwhxfnptbsbmbk2zby00','default','local',1795380671038072,'publish','queued','waiting','dataset','dst_01m82gdwhhepsrd10w28vq94pv','{"dataset_id": "dst_01m82gdwhhepsrd10w28vq94pv", "name": "later", "database": "headwater", "mode": "create", "version": 1, "expected_version": null, "upload_id": "upl_01m82gdk8bef4b4k84meh9n747", "profile_id": "prf_01m82gdmwqem9r4km9vch2cp16", "format": "parquet", "columns": [{"source_name": "k", "position": 0, "name": "k", "type": "bigint", "comment": "", "format": null, "include": true}, {"source_name": "v", "position": 1, "name": "v", "type": "string", "comment": "", "format": null, "include": true}], "on_reject": "quarantine", "on_missing_column": "fail", "max_reject_ratio": 0.05, "restore": null, "description": null}','req_01m82gdwhbf78sfxvsave95b9h',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795380671038072,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('qry_01m82gdwk8ektty5p2zr2hkj3x','default','local',1795380671080785,'query','queued',NULL,'query','qry_01m82gdwk8ektty5p2zr2hkj3x','{"parameters": []}','req_01m82gdwk2ftqrqs8828pbakpw',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795380671080785,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('job_01m82gdwmmew1v2m7bntap9fzb','default','local',1795380671124331,'profile','queued',NULL,'upload','upl_01m82gdwkpfs49frgs8dmf5133','{}','req_01m82gdwkhf0qaax3kq9bsrtrp',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795380671124331,NULL,NULL,NULL,NULL);
CREATE TABLE outbox (
	job_id VARCHAR(40) NOT NULL, 
	queue VARCHAR(16) NOT NULL, 
	due_at BIGINT NOT NULL, 
	sends INTEGER NOT NULL, 
	published_at BIGINT, 
	CONSTRAINT pk_outbox PRIMARY KEY (job_id), 
	CONSTRAINT fk_outbox_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "outbox" VALUES('job_01m82gdwhxfnptbsbmbk2zby00','publish',1795380673051873,1,1795380671051873);
INSERT INTO "outbox" VALUES('qry_01m82gdwk8ektty5p2zr2hkj3x','query',1795380673086799,1,1795380671086799);
INSERT INTO "outbox" VALUES('job_01m82gdwmmew1v2m7bntap9fzb','profile',1795380671124841,0,NULL);
CREATE TABLE profiles (
	id VARCHAR(40) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	created_at BIGINT NOT NULL, 
	upload_id VARCHAR(40) NOT NULL, 
	job_id VARCHAR(40) NOT NULL, 
	settings JSON NOT NULL, 
	"key" TEXT NOT NULL, 
	rejects_key TEXT, 
	head JSON NOT NULL, 
	CONSTRAINT pk_profiles PRIMARY KEY (id)
);
INSERT INTO "profiles" VALUES('prf_01m82gdmwqem9r4km9vch2cp16','default','local',1795380663233875,'upl_01m82gdk8bef4b4k84meh9n747','job_01m82gdkggfpzry47n865xy4hm','{}','ws/default/profiles/prf_01m82gdmwqem9r4km9vch2cp16/profile.jsonl','ws/default/profiles/prf_01m82gdmwqem9r4km9vch2cp16/','{"sha256": "407e5487b94ff24f6c6b90cd35e561078fb92b8ca29d68ec19b0893646049660", "bytes": 1084, "records": 100, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "dialect": {"encoding": "utf-8", "compression": "none", "delimiter": ",", "quotechar": "\"", "escapechar": null, "lineterminator": "\n", "header": true, "skip_records": 0}, "reading": {"encoding": "utf-8", "compression": "none", "delimiter": ",", "quotechar": "\"", "escapechar": null, "lineterminator": "\n", "header": true, "skip_records": 0, "comment": null, "comment_scope": "leading", "width": 2, "unnamed_first": false}, "warnings": [], "total_columns": 2, "formats": {}, "null_values": null}');
INSERT INTO "profiles" VALUES('prf_01m82gdngaebwtdvw5ktejcyxz','default','local',1795380663864199,'upl_01m82gdkpse2xa0es4wvhchp5v','job_01m82gdktmek9vpfezctqthakk','{}','ws/default/profiles/prf_01m82gdngaebwtdvw5ktejcyxz/profile.jsonl','ws/default/profiles/prf_01m82gdngaebwtdvw5ktejcyxz/','{"sha256": "ba07b244d95d9d3b83636b33aa47e688220c389945de5e3bf5134a19c75e6bd6", "bytes": 1734, "records": 150, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "dialect": {"encoding": "utf-8", "compression": "none", "delimiter": ",", "quotechar": "\"", "escapechar": null, "lineterminator": "\n", "header": true, "skip_records": 0}, "reading": {"encoding": "utf-8", "compression": "none", "delimiter": ",", "quotechar": "\"", "escapechar": null, "lineterminator": "\n", "header": true, "skip_records": 0, "comment": null, "comment_scope": "leading", "width": 2, "unnamed_first": false}, "warnings": [], "total_columns": 2, "formats": {}, "null_values": null}');
INSERT INTO "profiles" VALUES('prf_01m82gdw0yejrv3yp75d172z8c','default','local',1795380670501613,'upl_01m82gdtwxfg1rhx6hxxjyaje4','job_01m82gdty9e2qa11r1bmbxexq7','{}','ws/default/profiles/prf_01m82gdw0yejrv3yp75d172z8c/profile.jsonl','ws/default/profiles/prf_01m82gdw0yejrv3yp75d172z8c/','{"sha256": "0cc3085a8722eedde579e2838c6470036df591d411b7ef5341447492169ddd0a", "bytes": 12300004, "records": 300000, "header_records": 1, "preamble_records": 0, "comment_records": 0, "blank_records": 0, "rejected_records": 0, "dialect": {"encoding": "utf-8", "compression": "none", "delimiter": ",", "quotechar": "\"", "escapechar": null, "lineterminator": "\n", "header": true, "skip_records": 0}, "reading": {"encoding": "utf-8", "compression": "none", "delimiter": ",", "quotechar": "\"", "escapechar": null, "lineterminator": "\n", "header": true, "skip_records": 0, "comment": null, "comment_scope": "leading", "width": 2, "unnamed_first": false}, "warnings": [], "total_columns": 2, "formats": {}, "null_values": null}');
CREATE TABLE queries (
	id VARCHAR(40) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	sql TEXT NOT NULL, 
	"database" VARCHAR(255) NOT NULL, 
	engine VARCHAR(16) NOT NULL, 
	execution_id VARCHAR(128), 
	statistics JSON, 
	columns JSON, 
	result_prefix TEXT, 
	result_bytes BIGINT, 
	result_rows BIGINT, 
	expires_at BIGINT, 
	freed_at BIGINT, 
	CONSTRAINT pk_queries PRIMARY KEY (id), 
	CONSTRAINT fk_queries_id FOREIGN KEY(id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "queries" VALUES('qry_01m82gdpmwe18sde8dp6dre5ww','default','local','receipt','SELECT count(*) AS n, count(*) - count("k") AS u0, min("k") AS l0, max("k") AS h0, sum("k") AS s0, count(*) - count("v") AS u1, min("v") AS l1, max("v") AS h1, sum(length("v")) AS s1 FROM "headwater_staging"."dst_01m82gdnm8fz3t1azbhjddygz8_v1_a1_bb2ek7bw_orders"','headwater_staging','duckdb',NULL,'{"queue_ms": 374, "planning_ms": 417, "execution_ms": 43, "bytes_scanned": 1138, "rows": 1, "cost_usd": 0.0}','[{"name": "n", "type": "bigint"}, {"name": "u0", "type": "bigint"}, {"name": "l0", "type": "bigint"}, {"name": "h0", "type": "bigint"}, {"name": "s0", "type": "bigint"}, {"name": "u1", "type": "bigint"}, {"name": "l1", "type": "string"}, {"name": "h1", "type": "string"}, {"name": "s1", "type": "bigint"}]','ws/default/results/qry_01m82gdpmwe18sde8dp6dre5ww/a1/',99,1,1795985466095231,NULL);
INSERT INTO "queries" VALUES('qry_01m82gdrqkfn6br8nspfsxvyjy','default','local','receipt','SELECT count(*) AS n, count(*) - count("k") AS u0, min("k") AS l0, max("k") AS h0, sum("k") AS s0, count(*) - count("v") AS u1, min("v") AS l1, max("v") AS h1, sum(length("v")) AS s1 FROM "headwater_staging"."dst_01m82gdnm8fz3t1azbhjddygz8_v2_a1_1f7jhkkt_orders"','headwater_staging','duckdb',NULL,'{"queue_ms": 69, "planning_ms": 188, "execution_ms": 43, "bytes_scanned": 1380, "rows": 1, "cost_usd": 0.0}','[{"name": "n", "type": "bigint"}, {"name": "u0", "type": "bigint"}, {"name": "l0", "type": "bigint"}, {"name": "h0", "type": "bigint"}, {"name": "s0", "type": "bigint"}, {"name": "u1", "type": "bigint"}, {"name": "l1", "type": "string"}, {"name": "h1", "type": "string"}, {"name": "s1", "type": "bigint"}]','ws/default/results/qry_01m82gdrqkfn6br8nspfsxvyjy/a1/',102,1,1795985467618414,NULL);
INSERT INTO "queries" VALUES('qry_01m82gdsm2emmbezcpqy70sm3g','default','local','user','SELECT k, v FROM orders ORDER BY k LIMIT 3','headwater','duckdb',NULL,'{"queue_ms": 124, "planning_ms": 212, "execution_ms": 50, "bytes_scanned": 2535, "rows": 3, "cost_usd": 0.0}','[{"name": "k", "type": "bigint"}, {"name": "v", "type": "string"}]','ws/default/results/qry_01m82gdsm2emmbezcpqy70sm3g/a1/',47,3,1795985468605378,NULL);
INSERT INTO "queries" VALUES('qry_01m82gdwk8ektty5p2zr2hkj3x','default','local','user','SELECT count(*) AS n FROM orders','headwater','duckdb',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE upload_parts (
	upload_id VARCHAR(40) NOT NULL, 
	"offset" BIGINT NOT NULL, 
	length BIGINT NOT NULL, 
	crc32 BIGINT NOT NULL, 
	source_id VARCHAR(40) NOT NULL, 
	source_offset BIGINT NOT NULL, 
	CONSTRAINT pk_upload_parts PRIMARY KEY (upload_id, "offset"), 
	CONSTRAINT fk_upload_parts_upload_id FOREIGN KEY(upload_id) REFERENCES uploads (id) ON DELETE CASCADE
);
INSERT INTO "upload_parts" VALUES('upl_01m82gdk8bef4b4k84meh9n747',0,1084,3969757345,'upl_01m82gdk8bef4b4k84meh9n747',0);
INSERT INTO "upload_parts" VALUES('upl_01m82gdkpse2xa0es4wvhchp5v',0,1734,1641138544,'upl_01m82gdkpse2xa0es4wvhchp5v',0);
INSERT INTO "upload_parts" VALUES('upl_01m82gdt79fyvayptcv6bnajqr',0,8,2047281572,'upl_01m82gdt79fyvayptcv6bnajqr',0);
INSERT INTO "upload_parts" VALUES('upl_01m82gdtg5f18br474gqew88bc',0,300000,3153478953,'upl_01m82gdtg5f18br474gqew88bc',0);
INSERT INTO "upload_parts" VALUES('upl_01m82gdtwxfg1rhx6hxxjyaje4',0,326353,894527118,'upl_01m82gdtwxfg1rhx6hxxjyaje4',0);
INSERT INTO "upload_parts" VALUES('upl_01m82gdtwxfg1rhx6hxxjyaje4',326353,11973651,651734316,'upl_01m82gdtwxfg1rhx6hxxjyaje4',326353);
INSERT INTO "upload_parts" VALUES('upl_01m82gdwkpfs49frgs8dmf5133',0,204,2297176541,'upl_01m82gdwkpfs49frgs8dmf5133',0);
CREATE TABLE uploads (
	id VARCHAR(40) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	created_at BIGINT NOT NULL, 
	filename TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	size BIGINT, 
	"offset" BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	concat TEXT, 
	one_shot BOOLEAN NOT NULL, 
	announced_sha256 VARCHAR(64), 
	sha256 VARCHAR(64), 
	expires_at BIGINT, 
	touched_at BIGINT NOT NULL, 
	profile_job_id VARCHAR(40), 
	profile_id VARCHAR(40), 
	error JSON, 
	freed_at BIGINT, 
	CONSTRAINT pk_uploads PRIMARY KEY (id)
);
INSERT INTO "uploads" VALUES('upl_01m82gdk8bef4b4k84meh9n747','default','local',1795380661521875,'orders.csv','',1084,1084,'complete',NULL,1,NULL,'407e5487b94ff24f6c6b90cd35e561078fb92b8ca29d68ec19b0893646049660',1797972661696872,1795380661696872,'job_01m82gdkggfpzry47n865xy4hm','prf_01m82gdmwqem9r4km9vch2cp16',NULL,NULL);
INSERT INTO "uploads" VALUES('upl_01m82gdkpse2xa0es4wvhchp5v','default','local',1795380661991340,'orders-2.csv','',1734,1734,'complete',NULL,1,NULL,'ba07b244d95d9d3b83636b33aa47e688220c389945de5e3bf5134a19c75e6bd6',1797972662098618,1795380662098618,'job_01m82gdktmek9vpfezctqthakk','prf_01m82gdngaebwtdvw5ktejcyxz',NULL,NULL);
INSERT INTO "uploads" VALUES('upl_01m82gdt79fyvayptcv6bnajqr','default','local',1795380668670386,'data.csv','',8,8,'complete',NULL,1,NULL,NULL,1797972668714507,1795380668714507,'job_01m82gdt9dewn92009581tmgk3',NULL,NULL,NULL);
INSERT INTO "uploads" VALUES('upl_01m82gdtg5f18br474gqew88bc','default','local',1795380668934950,'upload.csv','',560004,300000,'receiving',NULL,0,NULL,NULL,1795985468934950,1795380668975023,'job_01m82gdthhfyvr5j37hz1ps43q',NULL,NULL,NULL);
INSERT INTO "uploads" VALUES('upl_01m82gdtwxfg1rhx6hxxjyaje4','default','local',1795380669343424,'large.csv','',12300004,12300004,'complete',NULL,1,NULL,'0cc3085a8722eedde579e2838c6470036df591d411b7ef5341447492169ddd0a',1797972669490662,1795380669490662,'job_01m82gdty9e2qa11r1bmbxexq7','prf_01m82gdw0yejrv3yp75d172z8c',NULL,NULL);
INSERT INTO "uploads" VALUES('upl_01m82gdwkpfs49frgs8dmf5133','default','local',1795380671096609,'data.csv','',204,204,'complete',NULL,1,NULL,NULL,1797972671122237,1795380671122237,'job_01m82gdwmmew1v2m7bntap9fzb',NULL,NULL,NULL);
CREATE INDEX ix_audit_list ON audit (workspace, at);
CREATE INDEX ix_datasets_list ON datasets (workspace, created_at, id);
CREATE INDEX ix_jobs_due ON jobs (state, lease_until);
CREATE INDEX ix_jobs_list ON jobs (workspace, created_at, id);
CREATE INDEX ix_jobs_resource ON jobs (resource_id);
CREATE INDEX ix_jobs_waiting ON jobs (waits_on);
CREATE INDEX ix_profiles_upload ON profiles (upload_id, created_at);
CREATE INDEX ix_uploads_list ON uploads (workspace, created_at, id);
CREATE INDEX ix_uploads_sweep ON uploads (state, expires_at);
CREATE INDEX ix_dataset_versions_upload ON dataset_versions (upload_id);
CREATE INDEX ix_outbox_due ON outbox (due_at);
CREATE INDEX ix_upload_parts_source ON upload_parts (source_id);
COMMIT;
