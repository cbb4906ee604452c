import { api, ok, raw, type Api } from "../../api/client";
import { ProblemError } from "../../api/problem";

/** The largest file that a request carries: API Gateway and Lambda take no more. Larger ones go to the bucket. */
const MAX_IN_REQUEST = 4_500_000;

export type Uploaded = Api<"UploadedView">;

/**
 * Uploads a file as a document, or as the next version of one. `onProgress` gets the share that was sent, where the
 * browser tells it.
 */
export async function uploadFile(file: File, onProgress: (share: number) => void, documentId?: string): Promise<Uploaded> {
  if (file.size <= MAX_IN_REQUEST) {
    const form = new FormData();
    form.append("file", file, file.name);
    const path = documentId ? `/api/v1/documents/${documentId}/versions` : "/api/v1/documents/upload";
    const response = await raw("POST", path, { body: form });
    onProgress(1);
    return (await response.json()) as Uploaded;
  }
  const upload = await ok(api.POST("/api/v1/documents/uploads", {
    body: { file_name: file.name, size: file.size, ...(documentId ? { document_id: documentId } : {}) },
  }));
  await put(upload, file, onProgress);
  return ok(api.POST("/api/v1/documents/uploads/{upload_id}/complete", { params: { path: { upload_id: upload.upload_id } } }));
}

/** `fetch` does not tell how much of a request was sent; this does. */
function put(upload: Api<"UploadView">, file: File, onProgress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) {
      // The browser sets these itself.
      if (!/^(host|content-length)$/i.test(name)) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () =>
      request.status < 300 ? resolve() : reject(new ProblemError(request.status, "upload_failed", ""));
    request.onerror = () => reject(new ProblemError(0, "offline", ""));
    request.send(file);
  });
}
