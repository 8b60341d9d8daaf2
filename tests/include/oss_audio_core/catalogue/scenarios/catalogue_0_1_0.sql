BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE attempt (
	conversion_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	task_id TEXT, 
	output_bucket TEXT, 
	output_key TEXT, 
	submitted_at DATETIME, 
	ended_at DATETIME NOT NULL, 
	code TEXT, 
	message TEXT, 
	measured JSON, 
	CONSTRAINT pk_attempt PRIMARY KEY (conversion_id, number), 
	CONSTRAINT fk_attempt_conversion_id_conversion FOREIGN KEY(conversion_id) REFERENCES conversion (id)
);
INSERT INTO "attempt" VALUES(2,1,'failed','MediaConvert-07776207-c3be-47ab-9666-59567a1596c2','audio','.staging/eb44df01/0/2-1.flac','2026-11-30 06:11:36.000000','2026-11-30 06:11:36.965277','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL);
INSERT INTO "attempt" VALUES(5,1,'failed','MediaConvert-a4246910-77d6-4fcf-98d7-19a4a33f83a8','audio','.staging/eb44df01/0/5-1.flac','2026-11-30 06:11:36.000000','2026-11-30 06:11:36.965976','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL);
INSERT INTO "attempt" VALUES(7,1,'quarantined','MediaConvert-d5c4f900-df04-4096-8554-48fb8fe1cba9','audio','.staging/eb44df01/0/7-1.flac','2026-11-30 06:11:36.000000','2026-11-30 06:11:37.077980','Mismatch','container: expected flac, measured wav; codec: expected flac, measured pcm_s16le; sample_rate: expected 44100 Hz, measured 8000 Hz; channels: expected 2, measured 1; duration: expected 0.500 s (-1 to +1 ms), measured 0.200 s','{"depth": "probe", "policy": "probe", "probe": {"container": "wav", "codec": "pcm_s16le", "sample_rate": 8000, "channels": 1, "duration": 0.2, "duration_uncertainty": 0.0, "declared_duration": 0.2, "gapless": false, "bitrate": 128000, "size": 3244, "packets": 4, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "inspection": null, "crc64": "12707983672332553357", "content_type": "audio/flac", "waveform": null, "side": {}}');
INSERT INTO "attempt" VALUES(8,1,'failed','MediaConvert-491bab37-ab31-4cbe-831d-56e6604e9e5c','audio','.staging/eb44df01/0/8-1.flac','2026-11-30 06:11:36.000000','2026-11-30 06:11:36.966099','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL);
CREATE TABLE batch (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	uid TEXT NOT NULL, 
	params JSON NOT NULL, 
	listed INTEGER NOT NULL, 
	passed_over JSON NOT NULL, 
	decisions JSON NOT NULL, 
	dry_run BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	planned_at DATETIME, 
	reported_at DATETIME, 
	CONSTRAINT pk_batch PRIMARY KEY (id), 
	CONSTRAINT uq_batch_name UNIQUE (name)
);
INSERT INTO "batch" VALUES(1,'night/0','eb44df01','{"bucket": "audio", "prefixes": ["night/"], "include": [], "exclude": [], "staging": ".staging/", "catalogue": "catalogue/", "min_size": null, "max_size": null, "modified_from": null, "modified_before": null, "restore": false, "profiles": ["mobile-mp3"], "target_bucket": null, "start": 0, "duration": 0, "single": null, "leftovers": true, "force": false, "limit": null, "max_attempts": 3, "order": "profile", "never_degrade": false, "dry_run": false}',3,'{}','{"new": 9}',0,'2026-11-30 06:11:36.746863','2026-11-30 06:11:36.781078','2026-11-30 06:11:37.196496');
INSERT INTO "batch" VALUES(2,'night/1','1c76ceba','{"bucket": "audio", "prefixes": ["night/"], "include": [], "exclude": [], "staging": ".staging/", "catalogue": "catalogue/", "min_size": null, "max_size": null, "modified_from": null, "modified_before": null, "restore": false, "profiles": ["mobile-mp3"], "target_bucket": null, "start": 0, "duration": 0, "single": null, "leftovers": true, "force": false, "limit": null, "max_attempts": 3, "order": "profile", "never_degrade": false, "dry_run": false}',3,'{}','{"retry": 4}',0,'2026-11-30 06:11:37.197043','2026-11-30 06:11:37.213750',NULL);
INSERT INTO "batch" VALUES(3,'night/2','b8be62eb','{"bucket": "audio", "prefixes": ["night/"], "include": [], "exclude": [], "staging": ".staging/", "catalogue": "catalogue/", "min_size": null, "max_size": null, "modified_from": null, "modified_before": null, "restore": false, "profiles": ["mobile-mp3"], "target_bucket": null, "start": 0, "duration": 0, "single": null, "leftovers": true, "force": false, "limit": null, "max_attempts": 3, "order": "profile", "never_degrade": false, "dry_run": false}',3,'{}','{"forced": 3}',0,'2026-11-30 06:11:37.242270','2026-11-30 06:11:37.262433',NULL);
INSERT INTO "batch" VALUES(4,'nightly/dry','cca9b4bc','{"bucket": "audio", "prefixes": ["night/", "more/"], "include": ["*.wav"], "exclude": ["*bad*"], "staging": ".staging/", "catalogue": "catalogue/", "min_size": 1, "max_size": 1000000000, "modified_from": "2026-01-01T00:00:00+00:00", "modified_before": "2027-01-01T00:00:00+00:00", "restore": true, "profiles": ["mobile-mp3"], "target_bucket": "audio", "start": 100, "duration": 200, "single": null, "leftovers": false, "force": true, "limit": 5, "max_attempts": 2, "order": "smallest", "never_degrade": true, "dry_run": true}',2,'{"excluded": 1}','{}',1,'2026-11-30 06:11:37.263303',NULL,NULL);
INSERT INTO "batch" VALUES(5,'single/1','99011862','{"bucket": "audio", "prefixes": ["night/b.wav"], "include": [], "exclude": [], "staging": ".staging/", "catalogue": "catalogue/", "min_size": null, "max_size": null, "modified_from": null, "modified_before": null, "restore": false, "profiles": [], "target_bucket": null, "start": 0, "duration": 0, "single": {"convert": "audio/convert,f_mp3,ab_96000", "bucket": "audio", "key": "single/b.mp3"}, "leftovers": true, "force": false, "limit": null, "max_attempts": 3, "order": "profile", "never_degrade": false, "dry_run": false}',1,'{}','{"new": 1}',0,'2026-11-30 06:11:37.276413','2026-11-30 06:11:37.290306',NULL);
CREATE TABLE batch_conversion (
	batch_id INTEGER NOT NULL, 
	conversion_id INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	shard INTEGER NOT NULL, 
	decision TEXT NOT NULL, 
	CONSTRAINT pk_batch_conversion PRIMARY KEY (batch_id, conversion_id), 
	CONSTRAINT fk_batch_conversion_batch_id_batch FOREIGN KEY(batch_id) REFERENCES batch (id) ON DELETE CASCADE, 
	CONSTRAINT fk_batch_conversion_conversion_id_conversion FOREIGN KEY(conversion_id) REFERENCES conversion (id)
);
INSERT INTO "batch_conversion" VALUES(1,1,0,0,'new');
INSERT INTO "batch_conversion" VALUES(1,2,1,0,'new');
INSERT INTO "batch_conversion" VALUES(1,3,2,0,'new');
INSERT INTO "batch_conversion" VALUES(1,4,3,0,'new');
INSERT INTO "batch_conversion" VALUES(1,5,4,0,'new');
INSERT INTO "batch_conversion" VALUES(1,6,5,0,'new');
INSERT INTO "batch_conversion" VALUES(1,7,6,0,'new');
INSERT INTO "batch_conversion" VALUES(1,8,7,0,'new');
INSERT INTO "batch_conversion" VALUES(1,9,8,0,'new');
INSERT INTO "batch_conversion" VALUES(2,2,0,0,'retry');
INSERT INTO "batch_conversion" VALUES(2,5,1,0,'retry');
INSERT INTO "batch_conversion" VALUES(2,7,2,0,'retry');
INSERT INTO "batch_conversion" VALUES(2,8,3,0,'retry');
INSERT INTO "batch_conversion" VALUES(3,10,0,0,'forced');
INSERT INTO "batch_conversion" VALUES(3,11,1,0,'forced');
INSERT INTO "batch_conversion" VALUES(3,12,2,0,'forced');
INSERT INTO "batch_conversion" VALUES(5,13,0,0,'new');
CREATE TABLE check_result (
	conversion_id INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	expected TEXT NOT NULL, 
	measured TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	CONSTRAINT pk_check_result PRIMARY KEY (conversion_id, attempt, ordinal), 
	CONSTRAINT fk_check_result_conversion_id_conversion FOREIGN KEY(conversion_id) REFERENCES conversion (id)
);
INSERT INTO "check_result" VALUES(1,1,0,'source','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(1,1,1,'container','flac','flac','passed');
INSERT INTO "check_result" VALUES(1,1,2,'codec','flac','flac','passed');
INSERT INTO "check_result" VALUES(1,1,3,'sample_rate','44100 Hz','44100 Hz','passed');
INSERT INTO "check_result" VALUES(1,1,4,'channels','2','2','passed');
INSERT INTO "check_result" VALUES(1,1,5,'bitrate','at most 2822400 bit/s (lossless)','98496 bit/s','passed');
INSERT INTO "check_result" VALUES(1,1,6,'duration','0.500 s (-1 to +1 ms)','0.500 s','passed');
INSERT INTO "check_result" VALUES(1,1,7,'size','16 to 456336 bytes','14412 bytes','passed');
INSERT INTO "check_result" VALUES(1,1,8,'complete','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(1,1,9,'head','audio at the beginning','there','passed');
INSERT INTO "check_result" VALUES(1,1,10,'tail','a whole last frame at the end','read to the end','passed');
INSERT INTO "check_result" VALUES(1,1,11,'decode','all of it decodes, 0.500 s','22050 samples at 44100 Hz, 0.500 s','passed');
INSERT INTO "check_result" VALUES(1,1,12,'checksum','the checksum in the file''s own header','the same','passed');
INSERT INTO "check_result" VALUES(1,1,13,'silence','sound above -60 dBFS where the source has more than -45 dBFS','peak -11.23 dBFS','passed');
INSERT INTO "check_result" VALUES(1,1,14,'clipping','at most 0.1% of the samples above the source''s 0.00%','0.00% in 0 clipped runs','passed');
INSERT INTO "check_result" VALUES(1,1,15,'channels_alive','sound in every channel that the source fills','peaks -11.2, -11.2 dBFS','passed');
INSERT INTO "check_result" VALUES(1,1,16,'stored_bytes','14412 bytes, CRC-64 17222365886691666039','14412 bytes, CRC-64 17222365886691666039','passed');
INSERT INTO "check_result" VALUES(4,1,0,'source','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(4,1,1,'container','flac','flac','passed');
INSERT INTO "check_result" VALUES(4,1,2,'codec','flac','flac','passed');
INSERT INTO "check_result" VALUES(4,1,3,'sample_rate','44100 Hz','44100 Hz','passed');
INSERT INTO "check_result" VALUES(4,1,4,'channels','2','2','passed');
INSERT INTO "check_result" VALUES(4,1,5,'bitrate','at most 2822400 bit/s (lossless)','98496 bit/s','passed');
INSERT INTO "check_result" VALUES(4,1,6,'duration','0.500 s (-1 to +1 ms)','0.500 s','passed');
INSERT INTO "check_result" VALUES(4,1,7,'size','16 to 456336 bytes','14412 bytes','passed');
INSERT INTO "check_result" VALUES(4,1,8,'complete','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(4,1,9,'head','audio at the beginning','there','passed');
INSERT INTO "check_result" VALUES(4,1,10,'tail','a whole last frame at the end','read to the end','passed');
INSERT INTO "check_result" VALUES(4,1,11,'decode','all of it decodes, 0.500 s','22050 samples at 44100 Hz, 0.500 s','passed');
INSERT INTO "check_result" VALUES(4,1,12,'checksum','the checksum in the file''s own header','the same','passed');
INSERT INTO "check_result" VALUES(4,1,13,'silence','sound above -60 dBFS where the source has more than -45 dBFS','peak -11.23 dBFS','passed');
INSERT INTO "check_result" VALUES(4,1,14,'clipping','at most 0.1% of the samples above the source''s 0.00%','0.00% in 0 clipped runs','passed');
INSERT INTO "check_result" VALUES(4,1,15,'channels_alive','sound in every channel that the source fills','peaks -11.2, -11.2 dBFS','passed');
INSERT INTO "check_result" VALUES(4,1,16,'stored_bytes','14412 bytes, CRC-64 17222365886691666039','14412 bytes, CRC-64 17222365886691666039','passed');
INSERT INTO "check_result" VALUES(7,1,0,'source','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(7,1,1,'container','flac','wav','failed');
INSERT INTO "check_result" VALUES(7,1,2,'codec','flac','pcm_s16le','failed');
INSERT INTO "check_result" VALUES(7,1,3,'sample_rate','44100 Hz','8000 Hz','failed');
INSERT INTO "check_result" VALUES(7,1,4,'channels','2','1','failed');
INSERT INTO "check_result" VALUES(7,1,5,'bitrate','at most 2822400 bit/s (lossless)','128000 bit/s','passed');
INSERT INTO "check_result" VALUES(7,1,6,'duration','0.500 s (-1 to +1 ms)','0.200 s','failed');
INSERT INTO "check_result" VALUES(7,1,7,'size','16 to 456336 bytes','3244 bytes','passed');
INSERT INTO "check_result" VALUES(7,1,8,'complete','0.200 s as its header says','0.200 s','passed');
INSERT INTO "check_result" VALUES(7,1,9,'head','audio at the beginning','pcm_s16le in the first bytes','passed');
INSERT INTO "check_result" VALUES(7,1,10,'tail','a whole last frame at the end','its last bytes can''t be told apart','not_checked');
INSERT INTO "check_result" VALUES(7,1,11,'decode','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(7,1,12,'checksum','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(7,1,13,'silence','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(7,1,14,'clipping','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(7,1,15,'channels_alive','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(7,1,16,'stored_bytes','size and CRC-64 of the stored object','not all of it was read, or it has no CRC-64','not_checked');
INSERT INTO "check_result" VALUES(3,1,0,'source','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(3,1,1,'container','flac','flac','passed');
INSERT INTO "check_result" VALUES(3,1,2,'codec','flac','flac','passed');
INSERT INTO "check_result" VALUES(3,1,3,'sample_rate','44100 Hz','44100 Hz','passed');
INSERT INTO "check_result" VALUES(3,1,4,'channels','2','2','passed');
INSERT INTO "check_result" VALUES(3,1,5,'bitrate','at most 2822400 bit/s (lossless)','101488 bit/s','passed');
INSERT INTO "check_result" VALUES(3,1,6,'duration','0.500 s (-1 to +1 ms)','0.500 s','passed');
INSERT INTO "check_result" VALUES(3,1,7,'size','16 to 456336 bytes','14599 bytes','passed');
INSERT INTO "check_result" VALUES(3,1,8,'complete','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(3,1,9,'head','audio at the beginning','there','passed');
INSERT INTO "check_result" VALUES(3,1,10,'tail','a whole last frame at the end','read to the end','passed');
INSERT INTO "check_result" VALUES(3,1,11,'decode','all of it decodes, 0.500 s','22050 samples at 44100 Hz, 0.500 s','passed');
INSERT INTO "check_result" VALUES(3,1,12,'checksum','the checksum in the file''s own header','the same','passed');
INSERT INTO "check_result" VALUES(3,1,13,'silence','sound above -60 dBFS where the source has more than -45 dBFS','peak -11.23 dBFS','passed');
INSERT INTO "check_result" VALUES(3,1,14,'clipping','at most 0.1% of the samples above the source''s 0.00%','0.00% in 0 clipped runs','passed');
INSERT INTO "check_result" VALUES(3,1,15,'channels_alive','sound in every channel that the source fills','peaks -11.2, -11.2 dBFS','passed');
INSERT INTO "check_result" VALUES(3,1,16,'stored_bytes','14599 bytes, CRC-64 15520000403668005954','14599 bytes, CRC-64 15520000403668005954','passed');
INSERT INTO "check_result" VALUES(6,1,0,'source','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(6,1,1,'container','flac','flac','passed');
INSERT INTO "check_result" VALUES(6,1,2,'codec','flac','flac','passed');
INSERT INTO "check_result" VALUES(6,1,3,'sample_rate','44100 Hz','44100 Hz','passed');
INSERT INTO "check_result" VALUES(6,1,4,'channels','2','2','passed');
INSERT INTO "check_result" VALUES(6,1,5,'bitrate','at most 2822400 bit/s (lossless)','101488 bit/s','passed');
INSERT INTO "check_result" VALUES(6,1,6,'duration','0.500 s (-1 to +1 ms)','0.500 s','passed');
INSERT INTO "check_result" VALUES(6,1,7,'size','16 to 456336 bytes','14599 bytes','passed');
INSERT INTO "check_result" VALUES(6,1,8,'complete','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(6,1,9,'head','audio at the beginning','there','passed');
INSERT INTO "check_result" VALUES(6,1,10,'tail','a whole last frame at the end','read to the end','passed');
INSERT INTO "check_result" VALUES(6,1,11,'decode','all of it decodes, 0.500 s','22050 samples at 44100 Hz, 0.500 s','passed');
INSERT INTO "check_result" VALUES(6,1,12,'checksum','the checksum in the file''s own header','the same','passed');
INSERT INTO "check_result" VALUES(6,1,13,'silence','sound above -60 dBFS where the source has more than -45 dBFS','peak -11.23 dBFS','passed');
INSERT INTO "check_result" VALUES(6,1,14,'clipping','at most 0.1% of the samples above the source''s 0.00%','0.00% in 0 clipped runs','passed');
INSERT INTO "check_result" VALUES(6,1,15,'channels_alive','sound in every channel that the source fills','peaks -11.2, -11.2 dBFS','passed');
INSERT INTO "check_result" VALUES(6,1,16,'stored_bytes','14599 bytes, CRC-64 15520000403668005954','14599 bytes, CRC-64 15520000403668005954','passed');
INSERT INTO "check_result" VALUES(9,1,0,'source','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(9,1,1,'container','flac','flac','passed');
INSERT INTO "check_result" VALUES(9,1,2,'codec','flac','flac','passed');
INSERT INTO "check_result" VALUES(9,1,3,'sample_rate','44100 Hz','44100 Hz','passed');
INSERT INTO "check_result" VALUES(9,1,4,'channels','2','2','passed');
INSERT INTO "check_result" VALUES(9,1,5,'bitrate','at most 2822400 bit/s (lossless)','101488 bit/s','passed');
INSERT INTO "check_result" VALUES(9,1,6,'duration','0.500 s (-1 to +1 ms)','0.500 s','passed');
INSERT INTO "check_result" VALUES(9,1,7,'size','16 to 456336 bytes','14599 bytes','passed');
INSERT INTO "check_result" VALUES(9,1,8,'complete','0.500 s as its header says','0.500 s','passed');
INSERT INTO "check_result" VALUES(9,1,9,'head','audio at the beginning','flac in the first bytes','passed');
INSERT INTO "check_result" VALUES(9,1,10,'tail','a whole last frame at the end','whole','passed');
INSERT INTO "check_result" VALUES(9,1,11,'decode','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(9,1,12,'checksum','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(9,1,13,'silence','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(9,1,14,'clipping','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(9,1,15,'channels_alive','a full decode','it was not decoded','not_checked');
INSERT INTO "check_result" VALUES(9,1,16,'stored_bytes','size and CRC-64 of the stored object','not all of it was read, or it has no CRC-64','not_checked');
CREATE TABLE conversion (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	bucket TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	profile TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	process TEXT NOT NULL, 
	target_bucket TEXT NOT NULL, 
	target_key TEXT NOT NULL, 
	publish TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	newest BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	max_attempts INTEGER NOT NULL, 
	retry_at DATETIME, 
	claimed_at DATETIME, 
	token TEXT, 
	lease_until DATETIME, 
	output_bucket TEXT, 
	output_key TEXT, 
	task_id TEXT, 
	submitted_at DATETIME, 
	deadline_at DATETIME, 
	output_etag TEXT, 
	output_size BIGINT, 
	measured JSON, 
	code TEXT, 
	message TEXT, 
	created_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, endpoint TEXT, 
	CONSTRAINT pk_conversion PRIMARY KEY (id), 
	CONSTRAINT fk_conversion_source_id_source FOREIGN KEY(source_id) REFERENCES source (id), 
	CONSTRAINT uq_conversion_bucket_key_profile_target_bucket_generation UNIQUE (bucket, "key", profile, target_bucket, generation)
);
INSERT INTO "conversion" VALUES(1,1,'audio','night/b.wav','decoded','0a75bc7993ea4cd01678e3851eb88c8aab13a7b3c5d35083474b9f854e512d17','audio/convert,f_flac','audio','out/decoded/night/b.flac','staged',1,1,'published',1,3,NULL,'2026-11-30 06:11:36.786016','b1c81c73dffc2640','2026-11-30 06:12:12.006010','audio',NULL,'MediaConvert-e11219c5-2099-49c5-bc29-7ed12353825e','2026-11-30 06:11:36.000000','2026-11-30 12:11:36.000000','9A59DEFC98EBDCFD6F4BAB636EA130A5',14412,'{"depth": "decode", "policy": "decode", "probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 98496, "size": 14412, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "inspection": {"probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 98496, "size": 14412, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], "decode_error": null, "stopped": null, "checksum_matches": true, "integrated": -12.105, "loudness_range": 0.0, "true_peak": -11.22418055476468, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], "clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, "levels_step": 0.24961451247165534, "levels": [-12, -12, -12]}, "crc64": "17222365886691666039", "content_type": "audio/flac", "waveform": {"version": 2, "channels": 1, "sample_rate": 44100, "samples_per_pixel": 256, "bits": 8, "length": 87, "data": [-35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -34, -6]}, "side": {}}',NULL,NULL,'2026-11-30 06:11:36.775498','2026-11-30 06:11:37.096209','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(2,2,'audio','night/bad.wav','decoded','0a75bc7993ea4cd01678e3851eb88c8aab13a7b3c5d35083474b9f854e512d17','audio/convert,f_flac','audio','out/decoded/night/bad.flac','staged',1,1,'failed',2,3,'2026-11-30 08:11:38.307720','2026-11-30 06:11:37.215773','cc654a5b1c3e531a','2026-11-30 06:12:12.435768','audio','.staging/1c76ceba/0/2-2.flac','MediaConvert-9b4d9fd3-0077-4bc2-800e-d782579c3360','2026-11-30 06:11:37.000000','2026-11-30 12:11:37.000000',NULL,NULL,'null','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input','2026-11-30 06:11:36.775498','2026-11-30 06:11:38.307738','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(3,3,'audio','night/歌.wav','decoded','0a75bc7993ea4cd01678e3851eb88c8aab13a7b3c5d35083474b9f854e512d17','audio/convert,f_flac','audio','out/decoded/night/歌.flac','staged',1,1,'published',1,3,NULL,'2026-11-30 06:11:36.786016','b1c81c73dffc2640','2026-11-30 06:12:12.006010','audio',NULL,'MediaConvert-70f288ad-b85a-4824-bbfd-c8cdce88f1e3','2026-11-30 06:11:36.000000','2026-11-30 12:11:36.000000','B245AA74F2A9BADB419D656AF589171F',14599,'{"depth": "decode", "policy": "decode", "probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 101488, "size": 14599, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "inspection": {"probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 101488, "size": 14599, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], "decode_error": null, "stopped": null, "checksum_matches": true, "integrated": -11.96, "loudness_range": 0.0, "true_peak": -11.224118351121199, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], "clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, "levels_step": 0.24961451247165534, "levels": [-12, -12, -12]}, "crc64": "15520000403668005954", "content_type": "audio/flac", "waveform": {"version": 2, "channels": 1, "sample_rate": 44100, "samples_per_pixel": 256, "bits": 8, "length": 87, "data": [-35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, 9, 35]}, "side": {}}',NULL,NULL,'2026-11-30 06:11:36.775498','2026-11-30 06:11:37.132482','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(4,1,'audio','night/b.wav','beside','5e536b83f1bb5f85832636a6e6ea48a7efe1c6a42c43a908c1ba069a9210d141','audio/convert,f_flac','audio','out/beside/night/b.flac','staged',1,1,'published',1,3,NULL,'2026-11-30 06:11:36.786016','b1c81c73dffc2640','2026-11-30 06:12:12.006010','audio',NULL,'MediaConvert-a535d8d7-2c2a-4229-beee-d6c27b57b62b','2026-11-30 06:11:36.000000','2026-11-30 12:11:36.000000','9A59DEFC98EBDCFD6F4BAB636EA130A5',14412,'{"depth": "decode", "policy": "decode", "probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 98496, "size": 14412, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "inspection": {"probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 98496, "size": 14412, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], "decode_error": null, "stopped": null, "checksum_matches": true, "integrated": -12.105, "loudness_range": 0.0, "true_peak": -11.22418055476468, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], "clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, "levels_step": 0.24961451247165534, "levels": [-12, -12, -12]}, "crc64": "17222365886691666039", "content_type": "audio/flac", "waveform": null, "side": {"waveform": ".staging/eb44df01/0/4-1.flac.waveform.json", "picture": ".staging/eb44df01/0/4-1.flac.spectrogram.png"}}',NULL,NULL,'2026-11-30 06:11:36.777738','2026-11-30 06:11:37.125165','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(5,2,'audio','night/bad.wav','beside','5e536b83f1bb5f85832636a6e6ea48a7efe1c6a42c43a908c1ba069a9210d141','audio/convert,f_flac','audio','out/beside/night/bad.flac','staged',1,1,'failed',2,3,'2026-11-30 08:11:38.308083','2026-11-30 06:11:37.215773','cc654a5b1c3e531a','2026-11-30 06:12:12.435768','audio','.staging/1c76ceba/0/5-2.flac','MediaConvert-493283ff-392b-4db5-8ae1-00ef813cf284','2026-11-30 06:11:37.000000','2026-11-30 12:11:37.000000',NULL,NULL,'null','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input','2026-11-30 06:11:36.777738','2026-11-30 06:11:38.308097','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(6,3,'audio','night/歌.wav','beside','5e536b83f1bb5f85832636a6e6ea48a7efe1c6a42c43a908c1ba069a9210d141','audio/convert,f_flac','audio','out/beside/night/歌.flac','staged',1,1,'published',1,3,NULL,'2026-11-30 06:11:36.786016','b1c81c73dffc2640','2026-11-30 06:12:12.006010','audio',NULL,'MediaConvert-200f1f73-fbe0-4c00-845c-d997c9a9edcd','2026-11-30 06:11:36.000000','2026-11-30 12:11:36.000000','B245AA74F2A9BADB419D656AF589171F',14599,'{"depth": "decode", "policy": "decode", "probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 101488, "size": 14599, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "inspection": {"probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 101488, "size": 14599, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], "decode_error": null, "stopped": null, "checksum_matches": true, "integrated": -11.96, "loudness_range": 0.0, "true_peak": -11.224118351121199, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], "clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, "levels_step": 0.24961451247165534, "levels": [-12, -12, -12]}, "crc64": "15520000403668005954", "content_type": "audio/flac", "waveform": null, "side": {"waveform": ".staging/eb44df01/0/6-1.flac.waveform.json", "picture": ".staging/eb44df01/0/6-1.flac.spectrogram.png"}}',NULL,NULL,'2026-11-30 06:11:36.777738','2026-11-30 06:11:37.135523','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(7,1,'audio','night/b.wav','probed','74c73dd4b618b81ca12781e7ff5b1df71a0599caa938b3c5873081024a350c6f','audio/convert,f_flac','audio','out/probed/night/b.flac','staged',1,0,'superseded',2,3,NULL,'2026-11-30 06:11:37.215773','cc654a5b1c3e531a','2026-11-30 06:12:12.435768','audio','.staging/1c76ceba/0/7-2.flac','MediaConvert-0b509bf1-715d-4cce-8324-9e1ce7b3fee5','2026-11-30 06:11:37.000000','2026-11-30 12:11:37.000000',NULL,NULL,'null',NULL,'a newer generation was planned','2026-11-30 06:11:36.779206','2026-11-30 06:11:37.258951','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(8,2,'audio','night/bad.wav','probed','74c73dd4b618b81ca12781e7ff5b1df71a0599caa938b3c5873081024a350c6f','audio/convert,f_flac','audio','out/probed/night/bad.flac','staged',1,0,'superseded',2,3,NULL,'2026-11-30 06:11:37.215773','cc654a5b1c3e531a','2026-11-30 06:12:12.435768','audio','.staging/1c76ceba/0/8-2.flac','MediaConvert-c4a6e6ec-0af1-4657-94f0-67011e1c110f','2026-11-30 06:11:37.000000','2026-11-30 12:11:37.000000',NULL,NULL,'null',NULL,'a newer generation was planned','2026-11-30 06:11:36.779206','2026-11-30 06:11:37.258951','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(9,3,'audio','night/歌.wav','probed','74c73dd4b618b81ca12781e7ff5b1df71a0599caa938b3c5873081024a350c6f','audio/convert,f_flac','audio','out/probed/night/歌.flac','staged',1,0,'published',1,3,NULL,'2026-11-30 06:11:36.786016','b1c81c73dffc2640','2026-11-30 06:12:12.006010','audio',NULL,'MediaConvert-4e07e578-318a-454c-a658-c3e0c505b587','2026-11-30 06:11:36.000000','2026-11-30 12:11:36.000000','B245AA74F2A9BADB419D656AF589171F',14599,'{"depth": "probe", "policy": "probe", "probe": {"container": "flac", "codec": "flac", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 101488, "size": 14599, "packets": 5, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "inspection": null, "crc64": "15520000403668005954", "content_type": "audio/flac", "waveform": null, "side": {}}',NULL,NULL,'2026-11-30 06:11:36.779206','2026-11-30 06:11:37.129449','http://127.0.0.1:41325');
INSERT INTO "conversion" VALUES(10,1,'audio','night/b.wav','probed','74c73dd4b618b81ca12781e7ff5b1df71a0599caa938b3c5873081024a350c6f','audio/convert,f_flac','audio','out/probed/night/b.flac','staged',2,1,'planned',1,3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-30 06:11:37.260957','2026-11-30 06:11:37.260957',NULL);
INSERT INTO "conversion" VALUES(11,2,'audio','night/bad.wav','probed','74c73dd4b618b81ca12781e7ff5b1df71a0599caa938b3c5873081024a350c6f','audio/convert,f_flac','audio','out/probed/night/bad.flac','staged',2,1,'planned',1,3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-30 06:11:37.260957','2026-11-30 06:11:37.260957',NULL);
INSERT INTO "conversion" VALUES(12,3,'audio','night/歌.wav','probed','74c73dd4b618b81ca12781e7ff5b1df71a0599caa938b3c5873081024a350c6f','audio/convert,f_flac','audio','out/probed/night/歌.flac','staged',2,1,'planned',1,3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-30 06:11:37.260957','2026-11-30 06:11:37.260957',NULL);
INSERT INTO "conversion" VALUES(13,1,'audio','night/b.wav','oss://audio/single/b.mp3','cab3dcbf50ca17b0c1c5e2f2288ef63a9a4da582a7c94e302a638c7fdc5f9c39','audio/convert,f_mp3,ab_96000','audio','single/b.mp3','direct',1,1,'planned',1,3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-30 06:11:37.288643','2026-11-30 06:11:37.288643',NULL);
CREATE TABLE export (
	id INTEGER NOT NULL, 
	batch_id INTEGER, 
	uri TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	exported_at DATETIME NOT NULL, 
	CONSTRAINT pk_export PRIMARY KEY (id), 
	CONSTRAINT fk_export_batch_id_batch FOREIGN KEY(batch_id) REFERENCES batch (id) ON DELETE SET NULL, 
	CONSTRAINT uq_export_uri UNIQUE (uri)
);
INSERT INTO "export" VALUES(1,1,'oss://audio/night-catalogue/dt=2026-11-30/run-1-eb44df01.parquet',5,18215,'2026-11-30 06:11:37.194957');
CREATE TABLE lease (
	name TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	until DATETIME NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
INSERT INTO "lease" VALUES('drain q','owner-1','2026-11-30 06:12:38.314458');
CREATE TABLE listing (
	batch_id INTEGER NOT NULL, 
	bucket TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	etag TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	last_modified DATETIME NOT NULL, 
	CONSTRAINT pk_listing PRIMARY KEY (batch_id, bucket, "key"), 
	CONSTRAINT fk_listing_batch_id_batch FOREIGN KEY(batch_id) REFERENCES batch (id) ON DELETE CASCADE
);
INSERT INTO "listing" VALUES(4,'audio','night/b.wav','0581DEED90F89EF4F2398B02C6AFCF06',88244,'2026-11-30 06:11:36.000000');
INSERT INTO "listing" VALUES(4,'audio','night/歌.wav','654F824608182AE93558FB433AF429A8',88244,'2026-11-30 06:11:36.000000');
CREATE TABLE notification (
	id INTEGER NOT NULL, 
	queue TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	task_id TEXT, 
	status TEXT, 
	code TEXT, 
	message TEXT, 
	body BLOB, 
	received_at DATETIME NOT NULL, 
	CONSTRAINT pk_notification PRIMARY KEY (id), 
	CONSTRAINT uq_notification_task_id_status UNIQUE (task_id, status)
);
INSERT INTO "notification" VALUES(1,'pipeline-queue','6E86ADE0853DD256-2-1A22B148CF1-200000001','MediaConvert-07776207-c3be-47ab-9666-59567a1596c2','Failed','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL,'2026-11-30 06:11:36.959400');
INSERT INTO "notification" VALUES(2,'pipeline-queue','6E86ADE0853DD256-2-1A22B148CFD-200000002','MediaConvert-e11219c5-2099-49c5-bc29-7ed12353825e','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:36.959404');
INSERT INTO "notification" VALUES(3,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D0E-200000003','MediaConvert-200f1f73-fbe0-4c00-845c-d997c9a9edcd','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:36.959405');
INSERT INTO "notification" VALUES(4,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D0E-200000004','MediaConvert-a4246910-77d6-4fcf-98d7-19a4a33f83a8','Failed','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL,'2026-11-30 06:11:36.959406');
INSERT INTO "notification" VALUES(5,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D1A-200000005','MediaConvert-a535d8d7-2c2a-4229-beee-d6c27b57b62b','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:36.959406');
INSERT INTO "notification" VALUES(6,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D37-200000006','MediaConvert-70f288ad-b85a-4824-bbfd-c8cdce88f1e3','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:36.959407');
INSERT INTO "notification" VALUES(7,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D37-200000007','MediaConvert-d5c4f900-df04-4096-8554-48fb8fe1cba9','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:36.959408');
INSERT INTO "notification" VALUES(8,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D37-200000008','MediaConvert-491bab37-ab31-4cbe-831d-56e6604e9e5c','Failed','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL,'2026-11-30 06:11:36.959409');
INSERT INTO "notification" VALUES(9,'pipeline-queue','6E86ADE0853DD256-2-1A22B148D55-200000009','MediaConvert-4e07e578-318a-454c-a658-c3e0c505b587','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:36.959410');
INSERT INTO "notification" VALUES(10,'pipeline-queue','6E86ADE0853DD256-2-1A22B148E99-200000010','MediaConvert-9b4d9fd3-0077-4bc2-800e-d782579c3360','Failed','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL,'2026-11-30 06:11:38.304280');
INSERT INTO "notification" VALUES(11,'pipeline-queue','6E86ADE0853DD256-2-1A22B148E9A-200000011','MediaConvert-493283ff-392b-4db5-8ae1-00ef813cf284','Failed','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL,'2026-11-30 06:11:38.304284');
INSERT INTO "notification" VALUES(12,'pipeline-queue','6E86ADE0853DD256-2-1A22B148E9D-200000012','MediaConvert-c4a6e6ec-0af1-4657-94f0-67011e1c110f','Failed','InvalidMedia','the source is not audio in a format this service reads: Invalid data found when processing input',NULL,'2026-11-30 06:11:38.304286');
INSERT INTO "notification" VALUES(13,'pipeline-queue','6E86ADE0853DD256-2-1A22B148EA4-200000013','MediaConvert-0b509bf1-715d-4cce-8324-9e1ce7b3fee5','Succeeded',NULL,NULL,NULL,'2026-11-30 06:11:38.304287');
INSERT INTO "notification" VALUES(14,'pipeline-queue','6E86ADE0853DD256-2-1A22B148ECE-200000014',NULL,NULL,NULL,'the message isn''t UTF-8 text',X'74686973206973206E6F206D657373616765206F662061207461736B','2026-11-30 06:11:38.304295');
CREATE TABLE rendition (
	id INTEGER NOT NULL, 
	bucket TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	conversion_id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	profile TEXT NOT NULL, 
	codec TEXT NOT NULL, 
	sample_rate INTEGER NOT NULL, 
	channels INTEGER NOT NULL, 
	duration FLOAT NOT NULL, 
	bitrate INTEGER, 
	size BIGINT NOT NULL, 
	etag TEXT NOT NULL, 
	published_at DATETIME NOT NULL, source_bucket TEXT DEFAULT '' NOT NULL, source_key TEXT DEFAULT '' NOT NULL, container TEXT, content_type TEXT, bits_per_sample INTEGER, samples BIGINT, duration_exact BOOLEAN DEFAULT 0 NOT NULL, verification TEXT, loudness_lufs FLOAT, loudness_range_lu FLOAT, true_peak_dbtp FLOAT, sample_peak_dbfs FLOAT, silence_head FLOAT, silence_tail FLOAT, crc64 TEXT, tags JSON, waveform_uri TEXT, picture_uri TEXT, waveform JSON, 
	CONSTRAINT pk_rendition PRIMARY KEY (id), 
	CONSTRAINT fk_rendition_conversion_id_conversion FOREIGN KEY(conversion_id) REFERENCES conversion (id), 
	CONSTRAINT fk_rendition_source_id_source FOREIGN KEY(source_id) REFERENCES source (id), 
	CONSTRAINT uq_rendition_bucket_key UNIQUE (bucket, "key"), 
	CONSTRAINT uq_rendition_conversion_id UNIQUE (conversion_id)
);
INSERT INTO "rendition" VALUES(1,'audio','out/decoded/night/b.flac',1,1,'decoded','flac',44100,2,0.5,98496,14412,'9A59DEFC98EBDCFD6F4BAB636EA130A5','2026-11-30 06:11:37.102997','audio','night/b.wav','flac','audio/flac',16,22050,1,'decode',-12.105,0.0,-1.12241805547646791298e+01,-11.23,2.26757369614512476309e-05,0.0,'17222365886691666039','{"verified": "true", "profile": "decoded", "source-etag": "0581DEED90F89EF4F2398B02C6AFCF06"}',NULL,NULL,'{"version": 2, "channels": 1, "sample_rate": 44100, "samples_per_pixel": 256, "bits": 8, "length": 87, "data": [-35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -34, -6]}');
INSERT INTO "rendition" VALUES(2,'audio','out/beside/night/b.flac',4,1,'beside','flac',44100,2,0.5,98496,14412,'9A59DEFC98EBDCFD6F4BAB636EA130A5','2026-11-30 06:11:37.127770','audio','night/b.wav','flac','audio/flac',16,22050,1,'decode',-12.105,0.0,-1.12241805547646791298e+01,-11.23,2.26757369614512476309e-05,0.0,'17222365886691666039','{"verified": "true", "profile": "beside", "source-etag": "0581DEED90F89EF4F2398B02C6AFCF06"}','oss://audio/out/beside/night/b.flac.waveform.json','oss://audio/out/beside/night/b.flac.spectrogram.png','null');
INSERT INTO "rendition" VALUES(3,'audio','out/probed/night/歌.flac',9,3,'probed','flac',44100,2,0.5,101488,14599,'B245AA74F2A9BADB419D656AF589171F','2026-11-30 06:11:37.130801','audio','night/歌.wav','flac','audio/flac',16,NULL,0,'probe',NULL,NULL,NULL,NULL,NULL,NULL,'15520000403668005954','{"verified": "true", "profile": "probed", "source-etag": "654F824608182AE93558FB433AF429A8"}',NULL,NULL,'null');
INSERT INTO "rendition" VALUES(4,'audio','out/decoded/night/歌.flac',3,3,'decoded','flac',44100,2,0.5,101488,14599,'B245AA74F2A9BADB419D656AF589171F','2026-11-30 06:11:37.133654','audio','night/歌.wav','flac','audio/flac',16,22050,1,'decode',-11.96,0.0,-1.12241183511211986003e+01,-11.23,2.26757369614512476309e-05,0.0,'15520000403668005954','{"verified": "true", "profile": "decoded", "source-etag": "654F824608182AE93558FB433AF429A8"}',NULL,NULL,'{"version": 2, "channels": 1, "sample_rate": 44100, "samples_per_pixel": 256, "bits": 8, "length": 87, "data": [-35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, -35, 35, 9, 35]}');
INSERT INTO "rendition" VALUES(5,'audio','out/beside/night/歌.flac',6,3,'beside','flac',44100,2,0.5,101488,14599,'B245AA74F2A9BADB419D656AF589171F','2026-11-30 06:11:37.136738','audio','night/歌.wav','flac','audio/flac',16,22050,1,'decode',-11.96,0.0,-1.12241183511211986003e+01,-11.23,2.26757369614512476309e-05,0.0,'15520000403668005954','{"verified": "true", "profile": "beside", "source-etag": "654F824608182AE93558FB433AF429A8"}','oss://audio/out/beside/night/歌.flac.waveform.json','oss://audio/out/beside/night/歌.flac.spectrogram.png','null');
CREATE TABLE source (
	id INTEGER NOT NULL, 
	bucket TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	etag TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	last_modified DATETIME NOT NULL, 
	first_listed_at DATETIME NOT NULL, 
	probe JSON, crc64 TEXT, codec TEXT, sample_rate INTEGER, channels INTEGER, duration FLOAT, title TEXT, artist TEXT, album TEXT, tags JSON, inspection JSON, 
	CONSTRAINT pk_source PRIMARY KEY (id), 
	CONSTRAINT uq_source_bucket_key_etag UNIQUE (bucket, "key", etag)
);
INSERT INTO "source" VALUES(1,'audio','night/b.wav','0581DEED90F89EF4F2398B02C6AFCF06',88244,'2026-11-30 06:11:36.000000','2026-11-30 06:11:36.773865','{"container": "wav", "codec": "pcm_s16le", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 1411200, "size": 88244, "packets": 6, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}','11693527553413344153','pcm_s16le',44100,2,0.5,NULL,NULL,NULL,'{}','{"probe": {"container": "wav", "codec": "pcm_s16le", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 1411200, "size": 88244, "packets": 6, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], "decode_error": null, "stopped": null, "checksum_matches": null, "integrated": null, "loudness_range": null, "true_peak": null, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], "clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, "levels_step": 0.24961451247165534, "levels": [-12, -12, -12]}');
INSERT INTO "source" VALUES(2,'audio','night/bad.wav','38CC32C725BD6221CEE612AC434D8ABD',15,'2026-11-30 06:11:36.000000','2026-11-30 06:11:36.773870',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "source" VALUES(3,'audio','night/歌.wav','654F824608182AE93558FB433AF429A8',88244,'2026-11-30 06:11:36.000000','2026-11-30 06:11:36.773874','{"container": "wav", "codec": "pcm_s16le", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 1411200, "size": 88244, "packets": 6, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}','9470081847499103975','pcm_s16le',44100,2,0.5,NULL,NULL,NULL,'{}','{"probe": {"container": "wav", "codec": "pcm_s16le", "sample_rate": 44100, "channels": 2, "duration": 0.5, "duration_uncertainty": 0.0, "declared_duration": 0.5, "gapless": false, "bitrate": 1411200, "size": 88244, "packets": 6, "bits_per_sample": 16, "opus_input_rate": null, "read_error": null, "duration_is_estimate": false}, "samples": 22050, "sample_rate": 44100, "layout": "stereo", "channel_names": ["FL", "FR"], "decode_error": null, "stopped": null, "checksum_matches": null, "integrated": null, "loudness_range": null, "true_peak": null, "peaks": [-11.23, -11.23], "rms": [-14.23, -14.23], "clipped_runs": 0, "clipped_samples": 0, "silence_head": 2.2675736961451248e-05, "silence_tail": 0.0, "levels_step": 0.24961451247165534, "levels": [-12, -12, -12]}');
CREATE UNIQUE INDEX uq_notification_undecodable ON notification (queue, message_id) WHERE task_id IS NULL;
CREATE INDEX ix_conversion_source_id ON conversion (source_id);
CREATE INDEX ix_conversion_target ON conversion (target_bucket, target_key);
CREATE INDEX ix_conversion_task_id ON conversion (task_id);
CREATE UNIQUE INDEX uq_conversion_newest ON conversion (bucket, "key", profile, target_bucket) WHERE newest;
CREATE UNIQUE INDEX uq_conversion_target ON conversion (target_bucket, target_key) WHERE newest AND state <> 'skipped';
CREATE INDEX ix_batch_conversion_conversion ON batch_conversion (conversion_id);
CREATE INDEX ix_batch_conversion_shard ON batch_conversion (batch_id, shard);
CREATE INDEX ix_rendition_source_id ON rendition (source_id);
CREATE INDEX ix_export_batch_id ON export (batch_id);
CREATE INDEX ix_attempt_ended_at ON attempt (ended_at);
CREATE INDEX ix_conversion_unhappy ON conversion (changed_at) WHERE newest AND state IN ('failed', 'quarantined', 'dead');
CREATE INDEX ix_notification_received_at ON notification (received_at);
CREATE INDEX ix_rendition_profile_published ON rendition (profile, published_at, id);
CREATE INDEX ix_rendition_published_at ON rendition (published_at, id);
CREATE INDEX ix_rendition_profile_source ON rendition (profile, source_key, id);
CREATE INDEX ix_rendition_source_key ON rendition (source_key, id);
CREATE VIEW published_rendition AS
SELECT
    rendition.id AS id,
    rendition.bucket AS bucket,
    rendition.key AS key,
    rendition.profile AS profile,
    rendition.source_bucket AS source_bucket,
    rendition.source_key AS source_key,
    source.etag AS source_etag,
    source.size AS source_size,
    source.codec AS source_codec,
    source.sample_rate AS source_sample_rate,
    source.channels AS source_channels,
    source.duration AS source_duration,
    source.title AS title,
    source.artist AS artist,
    source.album AS album,
    rendition.container AS container,
    rendition.codec AS codec,
    rendition.sample_rate AS sample_rate,
    rendition.channels AS channels,
    rendition.bits_per_sample AS bits_per_sample,
    rendition.bitrate AS bitrate,
    rendition.duration AS duration,
    rendition.duration_exact AS duration_exact,
    rendition.samples AS samples,
    rendition.size AS size,
    source.size - rendition.size AS saved_bytes,
    rendition.loudness_lufs AS loudness_lufs,
    rendition.loudness_range_lu AS loudness_range_lu,
    rendition.true_peak_dbtp AS true_peak_dbtp,
    rendition.sample_peak_dbfs AS sample_peak_dbfs,
    rendition.silence_head AS silence_head,
    rendition.silence_tail AS silence_tail,
    rendition.etag AS etag,
    rendition.crc64 AS crc64,
    rendition.content_type AS content_type,
    rendition.verification AS verification,
    rendition.tags AS tags,
    rendition.waveform_uri AS waveform_uri,
    rendition.picture_uri AS picture_uri,
    conversion.process AS process,
    conversion.generation AS generation,
    conversion.attempt AS attempt,
    rendition.conversion_id AS conversion_id,
    rendition.source_id AS source_id,
    rendition.published_at AS published_at
FROM rendition
JOIN conversion ON conversion.id = rendition.conversion_id
JOIN source ON source.id = rendition.source_id;
CREATE VIEW source_ladder AS
SELECT
    rendition.source_bucket AS source_bucket,
    rendition.source_key AS source_key,
    row_number() OVER (
        PARTITION BY rendition.source_bucket, rendition.source_key
        ORDER BY coalesce(rendition.bitrate, 0), rendition.size, rendition.id
    ) AS rung,
    count(*) OVER (PARTITION BY rendition.source_bucket, rendition.source_key) AS rungs,
    rendition.profile AS profile,
    rendition.bucket AS bucket,
    rendition.key AS key,
    rendition.content_type AS content_type,
    rendition.codec AS codec,
    rendition.bitrate AS bitrate,
    rendition.sample_rate AS sample_rate,
    rendition.channels AS channels,
    rendition.duration AS duration,
    rendition.size AS size,
    rendition.loudness_lufs AS loudness_lufs,
    rendition.true_peak_dbtp AS true_peak_dbtp,
    source.etag AS source_etag,
    source.size AS source_size,
    source.duration AS source_duration,
    rendition.id AS rendition_id,
    rendition.published_at AS published_at
FROM rendition
JOIN source ON source.id = rendition.source_id;
CREATE VIEW attempt_history AS
SELECT
    conversion_id, number, false AS is_current, state, task_id, output_bucket, output_key, submitted_at,
    ended_at AS changed_at, code, message
FROM attempt
UNION ALL
SELECT
    id, attempt, true, state, CASE WHEN submitted_at IS NULL THEN NULL ELSE task_id END, output_bucket, output_key,
    submitted_at, changed_at, code, message
FROM conversion;
CREATE INDEX ix_conversion_in_flight ON conversion (endpoint, state, deadline_at) WHERE state IN ('submitting', 'submitted');
CREATE INDEX ix_attempt_task_id ON attempt (task_id);
COMMIT;
