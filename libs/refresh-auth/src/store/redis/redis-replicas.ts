import { within } from '../deadline.js';
import type { ConnectionProblem } from './connection-problem.js';
import { isReply, type DuplicatedClient, type RedisConnection, type ScriptCall } from './redis-connection.js';
import { StoreError } from '../session-store.js';

/** The part of the remaining time for which replicas are waited for, since the answer has to come back in time too. */
const PART_OF_TIME = 0.9;

/**
 * Writes revocations over a connection of its own, and waits until enough replicas have them. `WAIT` blocks its connection, so no request
 * may share it; and it counts only writes of its own connection, so the revocation is written there.
 */
export class RedisReplicas {
  private constructor(
    private readonly client: DuplicatedClient,
    private readonly problem: ConnectionProblem,
    private readonly count: number,
    /** `storeTimeout`, in milliseconds. */
    private readonly timeout: number,
  ) {}

  static async open(connection: RedisConnection, count: number, timeout: number): Promise<RedisReplicas> {
    const { client, problem } = await connection.duplicate(timeout);
    return new RedisReplicas(client, problem, count, timeout);
  }

  /**
   * @param calls must write, each to one slot of a cluster, and change nothing if they run twice
   * @param since when the revocation began, in milliseconds of `performance.now()`
   * @throws StoreError when fewer replicas have all of it in what is left of `storeTimeout`
   */
  async write(calls: readonly ScriptCall[], since: number): Promise<void> {
    // To Redis, 0 means no limit.
    const left = Math.max(1, Math.floor((this.timeout - (performance.now() - since)) * PART_OF_TIME));
    try {
      await within(left, 'storeTimeout', () => Promise.all(calls.map((call) => this.#write(call, left))));
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const explained = isReply(error) ? error : this.problem.explain(error);
      throw this.#tooFew(explained instanceof Error ? explained.message : 'unknown');
    }
  }

  close(): void {
    this.client.disconnect();
  }

  /** Writes and waits in one pipeline, which goes to the node of its key as a whole. */
  async #write([{ source }, keys, args]: ScriptCall, left: number): Promise<void> {
    // Only a single command follows a slot that the cluster has moved. A pipeline would wait at the slot's former node.
    await this.client.evalBuffer('return 1', keys.length, ...keys);
    const results = await this.client
      .pipeline()
      .evalBuffer(source, keys.length, ...keys, ...args)
      .wait(this.count, left)
      .exec();
    const [written, waited] = results ?? [];
    const error = written?.[0] ?? waited?.[0];
    if (error) throw error;
    const replicas = Number(waited?.[1] ?? 0);
    if (replicas < this.count) throw this.#tooFew(`${replicas} of them`);
  }

  #tooFew(reason: string): StoreError {
    const [message] = reason.split(', with args');
    return new StoreError(
      `the revocation is written, but fewer than ${this.count} replicas have confirmed it: ${message}`,
    );
  }
}
