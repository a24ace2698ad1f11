import 'reflect-metadata';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import * as eventEmitter from '@nestjs/event-emitter';
import * as nestTypeorm from '@nestjs/typeorm';
import * as totp from 'nestjs-totp';
import * as testing from 'nestjs-totp/testing';
import enrol from './enrol.cjs';

await enrol({ common, core, eventEmitter, nestTypeorm, totp, testing });
console.log('enrolled');
