import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';

export interface PageFile {
  type: string;
  content: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  // Browsers show it, and would download text/markdown.
  md: 'text/plain; charset=utf-8',
};

/** Reads the files of the page once: its own, the library's client, and the documentation. Browsers load them as they are. */
@Injectable()
export class PageFiles {
  readonly #files = new Map([
    ...filesBeside(import.meta.resolve('demo/page/index.html'), ''),
    // One file, which imports no other.
    ...fileAt(import.meta.resolve('nestjs-refresh-auth/client'), 'client.js'),
    ...filesBeside(new URL('../../../docs/', import.meta.resolve('demo/page/index.html')).href, 'docs/'),
  ]);

  /** The content security policy. It allows the page's own files and its one inline script, the import map. */
  readonly policy = [
    "default-src 'none'",
    `script-src 'self' '${hashOf(inlineScript(this.find('index.html')))}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

  find(path: string): PageFile | undefined {
    return this.#files.get(path);
  }
}

function filesBeside(url: string, prefix: string): [string, PageFile][] {
  return readdirSync(new URL('.', url)).flatMap((name) => fileAt(new URL(name, url).href, prefix + name));
}

/** Returns no file if the page has no use for its type. */
function fileAt(url: string, path: string): [string, PageFile][] {
  const type = TYPES[path.split('.').at(-1) ?? ''];
  return type === undefined ? [] : [[path, { type, content: readFileSync(new URL(url)) }]];
}

function inlineScript(page: PageFile | undefined): string {
  return /<script type="importmap">(.*?)<\/script>/s.exec(String(page?.content))?.[1] ?? '';
}

/** Returns the hash source of a script (Content Security Policy Level 3, section 2.3.1). */
function hashOf(script: string): string {
  return `sha256-${createHash('sha256').update(script).digest('base64')}`;
}
