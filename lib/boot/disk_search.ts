/** The open places of a disk, the decision over all of them, and the image that follows from it. */

import { describeHibernation } from "../disk/inspect_disk.ts";
import { needsRecovery } from "../disk/needs_recovery.ts";
import { describeSubvolumes } from "./btrfs_subvolumes.ts";
import type { LookedAt, OpenedPlace, SearchContext } from "./boot_places.ts";
import type { Outcome } from "./decide_disk_search.ts";
import { type BootDecision, decideBoot } from "./menu/decide_boot.ts";
import type { Partition } from "./menu/entry.ts";
import { BootError } from "../boot_error.ts";
import { isTelling, type Survey, surveyPartition } from "./menu/survey.ts";
import { type BootImage, openImage } from "./opened_image.ts";
import { findResumeTarget, isHibernatedInFile } from "./resume.ts";

/** A boot image together with where it comes from; what has to be released is in the scope it was opened with. */
export interface Opened extends BootImage {
  /** The device with the kernel's file system. */
  readonly device: string;
  readonly fileSystem: string;
}

interface Surveyed {
  readonly view: LookedAt;
  readonly survey: Survey;
}

export class DiskSearch {
  readonly context: SearchContext;
  readonly places: readonly OpenedPlace[];
  readonly #surveyed: readonly Surveyed[];

  private constructor(context: SearchContext, places: readonly OpenedPlace[], surveyed: readonly Surveyed[]) {
    this.context = context;
    this.places = places;
    this.#surveyed = surveyed;
  }

  /** Looks through the places; each may name files on the others. */
  static async survey(context: SearchContext, places: readonly OpenedPlace[]): Promise<DiskSearch> {
    const views = places.flatMap((place) => place.views);
    const partitions = views.map(describePartition);
    const surveyed: Surveyed[] = [];
    for (const [index, view] of views.entries()) {
      const partition = partitions[index];
      if (partition === undefined) continue;
      const others = partitions.filter((_, other) => views[other]?.device !== view.device);
      const { subvolumes } = view;
      surveyed.push({
        view,
        survey: await surveyPartition(partition, { load: context.settings.load, others, subvolumes }),
      });
    }
    return new DiskSearch(context, places, surveyed);
  }

  /** The same places, and others from which nothing but boot loaders' settings are taken. */
  withSettingsOf(other: DiskSearch): DiskSearch {
    const settings = other.#surveyed.map(({ view, survey: { statement: _, ...survey } }) => ({
      view,
      survey: { ...survey, problems: [], systems: [] },
    }));
    return new DiskSearch(this.context, [...this.places, ...other.places], [...this.#surveyed, ...settings]);
  }

  /** Whether one of them was set up for desktops. */
  get hasStatement(): boolean {
    return this.#surveyed.some(({ survey }) => survey.statement !== undefined);
  }

  decide(): Outcome {
    return decide(this.#surveyed.map(({ survey }) => survey), this.context);
  }

  /** Why each partition alone gives nothing. */
  async listRefusals(): Promise<readonly string[]> {
    const refusals: string[] = [];
    for (const device of new Set(this.#surveyed.map(({ view }) => view.device))) {
      const lists = this.#surveyed.filter(({ view }) => view.device === device).map(({ view }) => view.subvolumes);
      const subvolumes = lists.filter((list) => list !== undefined);
      if (subvolumes.length > 0) refusals.push(`${device}: ${describeSubvolumes(subvolumes.flat())}`);
    }
    for (const { view: { device, fileSystem }, survey } of this.#surveyed) {
      const { refusal } = decide([survey], this.context);
      if (refusal !== undefined) {
        refusals.push(...[refusal.message, ...refusal.hints].map((line) => `${device}: ${line}`));
      } else if (!this.#isTelling(device) && await needsRecovery(this.context.system, device, fileSystem)) {
        // XFS above all keeps what was written last in its journal only, a freshly installed kernel among it.
        const cure = "start and shut down its own system once";
        refusals.push(`${device}: was not unmounted cleanly, so its newest files cannot be seen: ${cure}`);
      }
    }
    return refusals;
  }

  #isTelling(device: string): boolean {
    return this.#surveyed.some(({ view, survey }) => view.device === device && isTelling(survey));
  }

  /** Opens the image, and closes the places that it does not need. @throws {BootError} "hibernated", "unsupported" */
  async open(scope: AsyncDisposableStack, decision: BootDecision): Promise<Opened> {
    const resume = findResumeTarget(decision.commandLine);
    if (resume !== undefined && await isHibernatedInFile(this.context.system, resume)) {
      throw new BootError("hibernated", describeHibernation(`${resume.device}, in a swap file`));
    }
    const views = this.#surveyed.map(({ view }) => view);
    const image = scope.use(await openImage(views.map(({ files }) => files), decision));
    const used = [decision.kernel, ...decision.initrds].map(({ partition }) => views[partition]);
    for (const place of this.places) {
      if (!place.views.some((view) => used.includes(view))) await place[Symbol.asyncDispose]();
    }
    const [kernelView] = used;
    if (kernelView === undefined) throw new TypeError(`There is no partition number ${decision.kernel.partition}`);
    return { ...image, device: kernelView.device, fileSystem: kernelView.fileSystem };
  }
}

function decide(surveys: readonly Survey[], { settings }: SearchContext): Outcome {
  try {
    const decision = decideBoot(surveys, settings);
    return decision === undefined ? {} : { decision };
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    return { refusal: error };
  }
}

/** What boot loaders look for a partition by. */
function describePartition({ device, uuid, label, files, isTop }: LookedAt): Partition {
  const number = device.startsWith("/dev/mapper/") ? undefined : /\D(\d+)$/.exec(device)?.[1];
  return {
    name: isTop ? `${device}, from its top` : device,
    files,
    uuid,
    label,
    number: number === undefined ? undefined : Number(number),
  };
}
