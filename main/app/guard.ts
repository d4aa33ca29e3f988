import type { App, Session, WebContents } from 'electron';

/** Whether an address is the app's own page. */
export type IsOwnPage = (url: string) => boolean;

/** Refuses everything a page could do besides being shown: leaving, new windows, web views, permissions, downloads, requests. */
export function guardContents(app: App, isOwnPage: IsOwnPage): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.on('will-navigate', (event, url) => {
      if (!isOwnPage(url)) event.preventDefault();
    });
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}

/** @param mayRequest which addresses the page may load */
export function guardSession(session: Session, mayRequest: IsOwnPage): void {
  session.setPermissionRequestHandler((_contents, permission, answer) =>
    answer(permission === 'clipboard-sanitized-write'),
  );
  session.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write');
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
  session.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !mayRequest(details.url) }));
}
