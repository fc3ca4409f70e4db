import { HttpClient, type HttpErrorResponse, provideHttpClient, withInterceptors } from '@angular/common/http';
import { Component, inject, signal } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { firstValueFrom } from 'rxjs';
import { API, refreshAuth } from './refresh-auth.interceptor';

@Component({
  selector: 'app-root',
  template: `
    <p>
      Signed in: <output id="user">{{ user() }}</output> <output id="problem">{{ problem() }}</output>
    </p>
    <button id="sign-in" (click)="act(signIn)">Sign in</button>
    <button id="load" (click)="act(load)">Load</button>
    <button id="sign-out" (click)="act(signOut)">Sign out</button>
    <button id="storm" (click)="act(send20)">Send 20 requests</button>
    <output id="storm-result">{{ storm() }}</output>
  `,
})
class App {
  readonly user = signal('nobody');
  readonly problem = signal('');
  readonly storm = signal('');
  readonly #http = inject(HttpClient);
  readonly #api = inject(API);

  constructor() {
    void this.act(this.load);
  }

  readonly load = async (): Promise<void> => {
    try {
      const { username } = await this.#get<{ username: string }>('/users/1');
      this.user.set(username);
      this.problem.set('');
    } catch (error) {
      const { status } = error as HttpErrorResponse;
      // 503: the session lives, the store does not answer at the moment.
      this.problem.set(status === 401 ? '' : String(status));
      if (status === 401) this.user.set('nobody');
    }
  };

  readonly signIn = async (): Promise<void> => {
    await firstValueFrom(this.#http.post(`${this.#api}/auth/login`, { username: 'ada', password: 'lovelace' }));
    await this.load();
  };

  readonly signOut = async (): Promise<void> => {
    await firstValueFrom(this.#http.post(`${this.#api}/auth/logout`, undefined));
    await this.load();
  };

  readonly send20 = async (): Promise<void> => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => this.#get('/me')));
    this.storm.set(`${results.filter(({ status }) => status === 'fulfilled').length} of 20 served`);
  };

  /** Counts what was done, for the test. */
  async act(action: () => Promise<void>): Promise<void> {
    await action();
    document.body.dataset['done'] = String(Number(document.body.dataset['done'] ?? 0) + 1);
  }

  #get<T>(path: string): Promise<T> {
    return firstValueFrom(this.#http.get<T>(this.#api + path));
  }
}

await bootstrapApplication(App, {
  providers: [
    provideHttpClient(withInterceptors([refreshAuth])),
    { provide: API, useValue: new URLSearchParams(location.search).get('api') },
  ],
});
