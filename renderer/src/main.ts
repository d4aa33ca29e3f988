import { mount } from 'svelte';
import App from './App.svelte';
import { i18n, systemLocale } from './i18n/i18n.svelte.ts';
import { appInfo } from './state/app-info.svelte.ts';
import { settings } from './state/settings.svelte.ts';
import { theme } from './state/theme.svelte.ts';
import { toasts } from './state/toasts.svelte.ts';
import './styles/tokens.css';
import './styles/base.css';

i18n.use(systemLocale());
theme.choose('system');

// What no screen caught is told, never swallowed.
window.addEventListener('unhandledrejection', (event) => {
  toasts.tell(event.reason);
});

await Promise.all([settings.load(), appInfo.load()]);
mount(App, { target: document.getElementById('app')! });
