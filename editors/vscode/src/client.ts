/** The language client's life: started, restarted and stopped, one at a time; it does not know where the server is from. */

import {
  CloseAction,
  type CloseHandlerResult,
  DidChangeConfigurationNotification,
  type ErrorHandler,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  State,
  TransportKind,
} from "vscode-languageclient/node";
import {
  type Disposable,
  type InlineCompletionItem,
  type InlineCompletionList,
  InlineCompletionTriggerKind,
  type LogOutputChannel,
  Range,
  type TextDocument,
  workspace,
} from "vscode";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { DOCUMENTS, SECTION } from "./config";
import { type Level, parseLine } from "./log";
import type { RefactoringProgress } from "./preview";
import {
  COMPLETION_REPORT,
  type CompletionReport,
  DID_CHANGE_STATUS,
  DID_DISMISS_COMPLETION,
  type DidDismissCompletion,
  INLINE_COMPLETION_PROGRESS,
  type InlineCompletionProgress,
  REFACTORING_PROGRESS,
  STATUS,
  type ServerStatus,
} from "./protocol";
import { type Section, configurationAnswer, initializationOptions } from "./serverSettings";
import { lengthToKeep } from "./surrogates";

/** Crashes within a few minutes after which the server is left stopped. */
const MAX_RESTARTS = 4;

/** What the client tells the rest of the extension, and asks of it. */
export interface Observer {
  starting(): void;
  running(): void;
  stopped(): void;
  /** The server's process has ended by itself; `isFinal` where it is not started again. */
  crashed(isFinal: boolean): void;
  report(report: CompletionReport): void;
  progress(progress: InlineCompletionProgress): void;
  refactoring(progress: RefactoringProgress): void;
  status(status: ServerStatus): void;
  /** Whether this request is no user's, whatever the editor takes it for; asked once for each. */
  isForMore(): boolean;
}

export class Client implements Disposable {
  private client: LanguageClient | undefined;
  private options = "";
  /** Starts and stops wait for each other here. */
  private last: Promise<void> = Promise.resolve();
  private readonly settingsListener = workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration(SECTION)) {
      void this.tellSettings();
    }
  });

  constructor(
    private readonly log: LogOutputChannel,
    private readonly observer: Observer,
  ) {}

  get isRunning(): boolean {
    return this.client?.state === State.Running;
  }

  /** Starts the server by a command, after the one that runs has ended. */
  start(command: string): Promise<void> {
    return this.enqueue(async () => {
      await this.stopNow();
      this.options = JSON.stringify(initializationOptions(section()));
      this.client = this.create(command);
      await this.client.start();
    });
  }

  stop(): Promise<void> {
    return this.enqueue(() => this.stopNow());
  }

  /** Whether the settings have come to need a new start. */
  get needsRestart(): boolean {
    return this.client !== undefined && this.options !== JSON.stringify(initializationOptions(section()));
  }

  /** What one of the server's commands answers; undefined where the server does not run. */
  async execute<T>(command: string, ...args: readonly unknown[]): Promise<T | undefined> {
    return this.isRunning
      ? await this.client?.sendRequest(ExecuteCommandRequest.type, { command, arguments: [...args] })
      : undefined;
  }

  /** Tells the server that the user wants nothing of what is shown in a document. */
  async tellDismissed(uri: string): Promise<void> {
    if (this.isRunning) {
      const params: DidDismissCompletion = { textDocument: { uri } };
      await this.client?.sendNotification(DID_DISMISS_COMPLETION, params);
    }
  }

  dispose(): void {
    this.settingsListener.dispose();
    void this.stop();
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.state === State.Running || client?.state === State.Starting) {
      await client.dispose();
    }
  }

  private create(command: string): LanguageClient {
    const server = { command, args: ["serve"], transport: TransportKind.stdio };
    const client: LanguageClient = new LanguageClient(
      SECTION,
      "PLT",
      server,
      this.clientOptions(() => client),
    );
    client.onDidChangeState(({ newState }) => {
      if (client === this.client) {
        this.announce(newState);
      }
    });
    client.onNotification(COMPLETION_REPORT, (report: CompletionReport) => this.observer.report(report));
    client.onNotification(INLINE_COMPLETION_PROGRESS, (progress: InlineCompletionProgress) =>
      this.observer.progress(progress),
    );
    client.onNotification(REFACTORING_PROGRESS, (progress: RefactoringProgress) => this.observer.refactoring(progress));
    client.onNotification(DID_CHANGE_STATUS, (status: ServerStatus) => this.observer.status(status));
    return client;
  }

  private announce(state: State): void {
    if (state === State.Starting) {
      this.observer.starting();
    } else if (state === State.Running) {
      this.observer.running();
    } else {
      this.observer.stopped();
    }
  }

  private clientOptions(client: () => LanguageClient): LanguageClientOptions {
    return {
      documentSelector: DOCUMENTS,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      stdioOptions: { stdout: () => undefined, stderr: (stream) => copyLog(stream, this.log) },
      initializationOptions: () => initializationOptions(section()),
      errorHandler: this.errorHandler(client),
      middleware: {
        workspace: {
          configuration: async (params, token, next) => {
            const answers = await next(params, token);
            return Array.isArray(answers) ? answers.map((answer: Section) => configurationAnswer(answer)) : answers;
          },
        },
        provideInlineCompletionItems: async (document, position, asked, token, next) => {
          const { Automatic } = InlineCompletionTriggerKind;
          const context = this.observer.isForMore() ? { ...asked, triggerKind: Automatic } : asked;
          return withoutSurrogates(document, await next(document, position, context, token));
        },
        executeCommand: async (command, args, next) => {
          const result: unknown = await next(command, args);
          await this.askStatus();
          return result;
        },
      },
    };
  }

  /** The library's own policy of restarts, told in the status bar instead of in messages. */
  private errorHandler(client: () => LanguageClient): ErrorHandler {
    let handler: ErrorHandler | undefined;
    const policy = () => (handler ??= client().createDefaultErrorHandler(MAX_RESTARTS));
    return {
      error: (error, message, count) => policy().error(error, message, count),
      closed: async (): Promise<CloseHandlerResult> => {
        const result = await policy().closed();
        this.observer.crashed(result.action === CloseAction.DoNotRestart);
        return { ...result, handled: true };
      },
    };
  }

  /** What a command has counted is no change of state, which the server would tell of itself. */
  private async askStatus(): Promise<void> {
    const status = this.isRunning ? await this.client?.sendRequest<ServerStatus>(STATUS) : undefined;
    if (status !== undefined) {
      this.observer.status(status);
    }
  }

  /** The server pulls its settings when it hears that they have changed. */
  private async tellSettings(): Promise<void> {
    if (this.isRunning) {
      await this.client?.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
    }
  }
}

/** The items with ranges that VS Code can draw. */
function withoutSurrogates<T extends InlineCompletionItem[] | InlineCompletionList | null | undefined>(
  document: TextDocument,
  answer: T,
): T {
  const items = Array.isArray(answer) ? answer : (answer?.items ?? []);
  for (const item of items) {
    if (item.range !== undefined && typeof item.insertText === "string") {
      const { start, end } = item.range;
      const kept = lengthToKeep(document.getText(item.range), item.insertText);
      item.range = new Range(start.translate(0, kept), end);
      item.insertText = item.insertText.slice(kept);
    }
  }
  return answer;
}

function section(): Section {
  return workspace.getConfiguration().get<Section>(SECTION, {});
}

function copyLog(stream: Readable, log: LogOutputChannel): void {
  let level: Level = "info";
  createInterface({ input: stream }).on("line", (raw) => {
    const line = parseLine(raw, level);
    level = line.level;
    log[level](line.text);
  });
}
