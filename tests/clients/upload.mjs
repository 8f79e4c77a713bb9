// Uploads a file with tus-js-client, resuming what an earlier process began; with a limit it kills itself once so many bytes were sent.
import { createReadStream } from "node:fs";
import * as tus from "tus-js-client";

const [endpoint, file, memory, parallelUploads, killAfter] = process.argv.slice(2);

const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  parallelUploads: Number(parallelUploads),
  chunkSize: 500_000,
  retryDelays: [50, 200, 500],
  urlStorage: new tus.FileUrlStorage(memory),
  metadata: { filename: "stock.csv", filetype: "text/csv" },
  onProgress(sent) {
    if (Number(killAfter) && sent >= Number(killAfter)) process.kill(process.pid, "SIGKILL");
  },
  onError(error) {
    console.error(error);
    process.exit(1);
  },
  onSuccess() {
    console.log(upload.url);
  },
});

const previous = await upload.findPreviousUploads();
if (previous.length > 0) {
  console.error("resumed");
  upload.resumeFromPreviousUpload(previous[0]);
}
upload.start();
